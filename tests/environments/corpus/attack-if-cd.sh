#!/bin/bash
#=r
if [ -d /opt ]; then cd /opt; fi
#=c
touch a
