#!/bin/bash
#=r
echo "$TASK_ID" > "/opt/a*"
#=r
rm -f /opt/a*
