#!/bin/bash
#=r
nohup sleep 0.2 >/dev/null 2>&1 &
#=r
PID=$!
#=c
apt-get install -y jq
#=r
wait "$PID"
export DONE=1
