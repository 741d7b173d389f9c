#!/bin/bash
#=r
coproc cat
#=c
apt-get install -y jq
