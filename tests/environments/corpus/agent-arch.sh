#!/bin/bash
set -e
ARCH="$(dpkg --print-architecture)"
case "$ARCH" in
  amd64) NAME=x86_64 ;;
  arm64) NAME=aarch64 ;;
  *) NAME="$ARCH" ;;
esac
#=c
curl -fsSLo /usr/local/bin/tool "https://example.org/v1.2/tool-$ARCH"
#=c
chmod +x /usr/local/bin/tool
#=c
ln -sf /usr/local/bin/tool /usr/local/bin/t
