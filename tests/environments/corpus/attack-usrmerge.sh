#!/bin/bash
#=r
echo "$TASK_ID" > /bin/mytool
#=r
cp /usr/bin/mytool /opt/mytool
