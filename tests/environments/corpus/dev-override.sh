#!/bin/bash
set -e
MODE=a
#=r
if [ "$TASK_ID" = t1 ]; then MODE=b; fi
#=r
echo "$MODE" > /etc/mode
MODE=c
#=c
echo "$MODE" > /etc/mode-c
