#!/bin/bash
#=r
hash jq 2>/dev/null && echo had > /workspace/had
#=r
apt-get install -y jq
