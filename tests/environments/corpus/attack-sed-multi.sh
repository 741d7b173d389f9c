#!/bin/bash
#=r
sed 's/a/date/e;s/x/y/' /etc/os-release > /etc/x
#=c
sed -i 's/a/b/;s/c/d/' /etc/debconf.conf
