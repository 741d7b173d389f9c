#!/bin/bash
set -e
#=c
apt-get update \
  && apt-get install -y \
    jq \
    tree \
  && rm -rf /var/lib/apt/lists/*
# the rest is the task's
#=r
cp -r /workspace/assets \
  "/tmp/assets-$TASK_ID"
