#!/bin/sh
set -e
#=c
echo 'en_US.UTF-8 UTF-8' > /etc/locale.gen
#=c
locale-gen
export LANG=C.UTF-8
export LC_ALL=C.UTF-8
#=c
apt-get update -qq
#=c
apt-get install -qq -y jq
#=c
rm -rf /var/lib/apt/lists/*
