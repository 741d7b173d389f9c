#!/bin/bash
#=c
npm install -g pnpm
#=r
pnpm install
#=c
apt-get install -y jq
