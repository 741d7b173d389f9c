#!/bin/sh
set -eux
#=c
apk update
#=c
apk add --no-cache bash curl
#=c
mkdir -p /opt/app/bin
