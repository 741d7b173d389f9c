#!/bin/bash
set -e
#=r
trap 'echo bye > /etc/bye' EXIT
#=c
apt-get install -y tree
#=c
echo a > /etc/a
