#!/bin/bash
#=c
apt-get install -y zsh
#=r
chsh -s /bin/zsh
#=r
apt-get install -y less
