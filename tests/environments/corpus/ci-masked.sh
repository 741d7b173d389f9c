#!/bin/bash
#=r
jq --version > /workspace/jq-version 2>/dev/null || echo none > /workspace/jq-version
#=r
apt-get install -y jq
