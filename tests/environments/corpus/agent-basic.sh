#!/usr/bin/env bash
set -euo pipefail
#=c
apt-get update
#=c
apt-get install -y --no-install-recommends jq tree
#=r
mkdir -p "/workspace/out/$TASK_ID"
export EDITOR=vim
