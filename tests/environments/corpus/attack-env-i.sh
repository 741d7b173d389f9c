#!/bin/bash
#=r
env -i /workspace/setup.sh
#=r
cp /etc/ran /opt/ran
