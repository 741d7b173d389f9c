#!/bin/bash
set -e
#=c
corepack enable
#=c
pnpm add -g turbo
#=c
yarn global add nx
#=r
pnpm install --frozen-lockfile
