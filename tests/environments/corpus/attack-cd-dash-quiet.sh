#!/bin/bash
cd /opt
#=c
touch a
cd - >/dev/null
#=r
echo x > b
