#!/bin/bash
#=r
apt-get install -y $(cat /workspace/names)
