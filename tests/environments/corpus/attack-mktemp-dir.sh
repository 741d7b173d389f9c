#!/bin/bash
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
#=c
curl -fsSL https://h.example.org/x.tar.gz -o "$tmp/x.tar.gz"
#=c
tar -xzf "$tmp/x.tar.gz" -C /usr/local
#=c
apt-get install -y jq
