#!/bin/bash
#=c
printf 'b\na\n' > /etc/names
#=r
sort -uo /workspace/sorted /etc/names
#=r
uniq /etc/names /workspace/uniq
