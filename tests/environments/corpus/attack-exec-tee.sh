#!/bin/bash
#=r
exec > >(tee -a /var/log/setup.log) 2>&1
#=c
apt-get install -y jq
