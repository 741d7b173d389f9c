#!/bin/bash
#=r
apt-get install -y tree && export HAS_TREE=yes
export ALWAYS=1
#=c
mkdir -p /srv/data
