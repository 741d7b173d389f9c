#!/bin/bash
#=r
echo 'export EDITOR=vim' >> ~/.bashrc
#=c
apt-get install -y jq
source ~/.bashrc
#=c
npm install -g x
