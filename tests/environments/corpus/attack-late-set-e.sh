#!/bin/bash
#=c
apt-get install -y jq
set -e
#=r
echo "$TASK_ID" > /workspace/x
#=r
[ -d /none ] && echo no
#=c
apt-get install -y tree
