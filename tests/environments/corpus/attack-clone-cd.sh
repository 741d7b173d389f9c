#!/bin/bash
cd /opt
#=r
git clone https://h.example.org/tool
#=r
cp tool/cloned /usr/local/bin/tool
