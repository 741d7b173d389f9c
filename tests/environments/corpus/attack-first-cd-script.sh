#!/bin/bash
cd "$(dirname "$0")"
#=c
apt-get update
#=c
apt-get install -y jq
