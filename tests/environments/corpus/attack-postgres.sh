#!/bin/bash
#=c
apt-get install -y jq
#=r
service postgresql start
#=r
sudo -u postgres createuser dev
