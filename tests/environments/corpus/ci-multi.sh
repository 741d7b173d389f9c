#!/bin/bash
set -e
#=c
for package in jq tree; do
  apt-get install -y "$package"
done
#=c
if ! grep -q example /etc/hosts.extra 2>/dev/null; then
  echo '127.0.0.1 example' >> /etc/hosts.extra
fi
#=r
for f in /workspace/*.json; do
  cp "$f" /tmp/
done
