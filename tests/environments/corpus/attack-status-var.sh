#!/bin/bash
#=r
apt-get install -y jq; rc=$?
#=r
echo $rc > /workspace/rc
