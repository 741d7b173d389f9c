#!/bin/bash
#=r
echo "$TASK_ID" > /opt/a
#=r
ln /opt/a /opt/b
