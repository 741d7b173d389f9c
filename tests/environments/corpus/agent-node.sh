#!/bin/bash
# Prepares a machine for an agent that works on a web project.
set -e
export DEBIAN_FRONTEND=noninteractive
NODE_MAJOR=20
#=c
curl -fsSL "https://deb.example.org/setup_${NODE_MAJOR}.x" | bash -
#=c
apt-get install -y nodejs
#=c
npm install -g typescript@5.4 eslint
#=r
cd /workspace
#=r
npm ci
#=r
echo "ready for $TASK_ID" > /tmp/ready
