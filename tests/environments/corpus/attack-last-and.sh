#!/bin/bash
#=c
apt-get install -y jq
#=r
[ -d /opt/none ] && touch /opt/none/x
