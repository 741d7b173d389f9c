#!/bin/bash
cleanup() { rm -rf /opt/build; }
trap cleanup EXIT
#=c
mkdir -p /opt/build
#=c
touch /opt/build/x
#=c
cp /opt/build/x /opt/y
