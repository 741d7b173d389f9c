#!/bin/bash
shopt -s lastpipe
#=r
echo a | read -r V
#=c
apt-get install -y jq
#=r
echo "$V" > /workspace/v
