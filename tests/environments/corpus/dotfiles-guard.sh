#!/bin/bash
if [ "$EUID" -ne 0 ]; then
  echo "run this as root" >&2
  exit 1
fi
command -v apt-get >/dev/null || { echo "no apt"; exit 1; }
#=c
apt-get update
#=c
apt-get install -y tree
