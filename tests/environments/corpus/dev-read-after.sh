#!/bin/bash
set -e
#=c
echo one > /etc/one
#=r
cp /etc/one /workspace/one
#=r
echo two >> /etc/one
#=c
echo three > /etc/three
