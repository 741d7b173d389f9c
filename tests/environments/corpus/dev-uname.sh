#!/bin/bash
set -e
OS=$(uname -s | tr '[:upper:]' '[:lower:]')
MACHINE=$(uname -m)
#=c
curl -fsSL -o /usr/local/bin/kube "https://example.org/$OS/$MACHINE/kube"
#=c
chmod +x /usr/local/bin/kube
