#!/bin/bash
cd /opt
#=c
curl -fsSLO https://h.example.org/tool
cd -
#=r
touch done
