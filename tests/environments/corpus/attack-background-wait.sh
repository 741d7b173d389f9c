#!/bin/bash
#=r
apt-get install -y jq &
pid=$!
wait $pid
#=r
apt-get install -y tree
