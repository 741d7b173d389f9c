#!/bin/bash
set -e
#=r
echo "//registry.example.org/:_authToken=${NPM_TOKEN}" > ~/.npmrc
#=r
npm install -g @private/tool
#=c
mkdir -p /opt/data /opt/logs
#=c
chmod 777 /opt/logs
