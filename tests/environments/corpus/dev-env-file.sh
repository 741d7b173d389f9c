#!/bin/bash
set -e
#=c
apt-get install -y jq
#=r
set -a
#=r
. /workspace/task.env
#=r
set +a
#=r
echo "$FROM_FILE" > /etc/from-file
