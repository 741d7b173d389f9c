#!/bin/bash
cd /opt
#=r
curl -fsSLO "https://h.example.org/$TASK_ID/tool.tar.gz"
#=r
tar -xzf tool.tar.gz
