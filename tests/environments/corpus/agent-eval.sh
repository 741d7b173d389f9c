#!/bin/bash
#=c
apt-get install -y jq
#=r
eval "$SETUP_EXTRA"
#=r
echo x > /etc/x
