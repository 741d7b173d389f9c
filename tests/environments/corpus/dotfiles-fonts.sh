#!/bin/bash
set -e
#=c
mkdir -p /usr/local/share/fonts/mono
#=c
curl -fL https://example.org/mono.tar.gz | tar -xz -C /usr/local/share/fonts/mono
#=c
fc-cache -f
#=r
mkdir -p "$HOME/.fonts-$USER_THEME"
