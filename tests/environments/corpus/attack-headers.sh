#!/bin/bash
#=r
apt-get install -y "linux-headers-$(uname -r)" || true
#=r
echo "$(getconf _NPROCESSORS_ONLN)" > /etc/cores
#=c
echo "$(uname -m)" > /etc/machine
