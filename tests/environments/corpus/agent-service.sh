#!/bin/bash
set -e
#=c
apt-get update
#=c
apt-get install -y redis jq
#=r
service redis start
#=r
sleep 0.1 &
#=r
wait
echo started
