#!/bin/bash
set -e
#=r
/workspace/setup.sh
#=r
apt-get install -y jq
