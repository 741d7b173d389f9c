#!/bin/bash
set -o errexit -o nounset -o pipefail
. /etc/os-release
#=c
install -m 0755 -d /etc/apt/keyrings
#=c
curl -fsSL https://example.org/key.asc | gpg --dearmor -o /etc/apt/keyrings/example.gpg
#=c
echo "deb [signed-by=/etc/apt/keyrings/example.gpg] https://example.org $VERSION_CODENAME main" |
  tee /etc/apt/sources.list.d/example.disabled > /dev/null
#=c
apt-get update
#=c
apt-get install -y example-tool
