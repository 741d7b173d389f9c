#!/bin/bash
set -e
#=c
mkdir -p /opt/gone
#=r
ls /opt/gone > /workspace/listing
#=r
rm -rf /opt/gone
#=c
touch /opt/kept
