#!/bin/bash
SUDO=""
if [ "$(id -u)" -ne 0 ]; then
  SUDO="sudo"
fi
#=c
$SUDO apt-get update
#=c
$SUDO apt-get install -y tree
