#!/bin/bash
set -e
#=r
echo "$TASK_ID" | gzip -n > /opt/tool.gz
#=r
gunzip -f /opt/tool.gz
#=r
chmod +x /opt/tool
