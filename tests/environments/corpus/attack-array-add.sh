#!/bin/bash
pkgs=(jq)
pkgs+=(tree)
#=r
[ -n "${USE_FAST:-}" ] && pkgs+=(example-tool)
#=r
apt-get install -y "${pkgs[@]}"
