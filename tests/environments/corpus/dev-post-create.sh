#!/bin/bash
set -e
#=r
cd "$(dirname "$0")"
#=r
npm install
#=c
npm install --global serve
