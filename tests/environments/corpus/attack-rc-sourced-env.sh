#!/bin/bash
. /etc/profile
#=c
apt-get install -y jq
