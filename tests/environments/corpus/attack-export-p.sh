#!/bin/bash
#=r
export -p > /etc/exported
#=r
declare -p > /etc/declared
#=c
apt-get install -y jq
