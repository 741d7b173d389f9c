#!/bin/bash
#=r
[ -f .env ] && export $(grep -v '^#' .env | xargs)
#=r
apt-get install -y jq
