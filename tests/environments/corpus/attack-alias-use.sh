#!/bin/bash
shopt -s expand_aliases
alias ai='apt-get install -y'
#=c
ai jq
