#!/bin/bash
#=r
trap 'echo failed >> /etc/failed' ERR
#=r
false
#=r
apt-get install -y tree
