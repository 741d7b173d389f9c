#!/bin/bash
set -e
#=r
date -u +%Y > /etc/year-built
#=r
BUILD_ID="$(date +%Y)-$RANDOM"
#=r
echo "${#BUILD_ID}" > /dev/null
#=c
echo static > /etc/static
