#!/bin/bash
#=c
apt-get install -y jq
#=r
frobnicate --all > /etc/frob 2>&1 || true
#=r
echo after > /etc/after
export LAST="done"
