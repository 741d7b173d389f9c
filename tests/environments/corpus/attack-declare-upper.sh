#!/bin/bash
declare -u NAME=abc
#=r
echo "$TASK_ID" > /opt/ABC
#=r
cat /opt/$NAME > /etc/x
