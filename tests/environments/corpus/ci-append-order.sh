#!/bin/bash
set -e
#=r
echo "task=$TASK_ID" >> /etc/app.env
#=r
echo "mode=fast" >> /etc/app.env
#=c
echo "other=1" >> /etc/other.env
