#!/bin/bash
need() { command -v "$1" >/dev/null || { echo "no $1" >&2; exit 1; }; }
#=r
need bash
#=c
apt-get install -y jq
