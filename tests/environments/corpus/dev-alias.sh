#!/bin/bash
#=r
alias inst='apt-get install -y'
#=c
apt-get install -y tree
#=r
shopt -s expand_aliases
#=r
apt-get install -y less
