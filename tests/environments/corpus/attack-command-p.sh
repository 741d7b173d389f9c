#!/bin/bash
#=c
command -p mkdir /opt/p
#=c
touch /opt/p/x
