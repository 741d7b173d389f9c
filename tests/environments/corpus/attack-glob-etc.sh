#!/bin/bash
#=c
for f in /etc/apt/sources.list.d/*; do [ -e "$f" ] && echo "$f"; done > /etc/sources
#=c
rm -f /opt/*.tmp
