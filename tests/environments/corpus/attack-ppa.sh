#!/bin/bash
#=c
add-apt-repository -y ppa:deadsnakes/ppa || true
#=c
apt-get install -y jq
