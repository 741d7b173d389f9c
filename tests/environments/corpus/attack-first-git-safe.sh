#!/bin/bash
#=r
git config --global --add safe.directory '*'
#=c
apt-get update
#=c
apt-get install -y jq
#=c
pip install black
