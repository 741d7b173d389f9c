#!/bin/bash
set -e
#=c
[ -d /opt/none ] && touch /opt/none/x
#=c
apt-get install -y jq
