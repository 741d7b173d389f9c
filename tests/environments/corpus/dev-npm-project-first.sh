#!/bin/bash
set -e
#=r
cd /workspace && npm ci
#=c
apt-get install -y jq
