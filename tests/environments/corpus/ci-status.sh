#!/bin/bash
#=r
apt-get install -y jq
#=r
if [ $? -ne 0 ]; then
  echo "it failed"
  exit 1
fi
#=c
apt-get install -y tree
