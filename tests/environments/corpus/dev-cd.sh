#!/bin/bash
set -e
#=c
mkdir -p /opt/tool
cd /opt/tool
#=c
curl -sSO https://example.org/tool.bin
#=c
chmod +x tool.bin
#=r
cd /workspace
#=r
touch here
