#!/bin/bash
#=c
mkdir -p /opt/{a,b}/{c,d}
#=c
touch /opt/a/{1..3}
#=c
cp /opt/a/1{,.bak}
