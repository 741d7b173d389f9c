#!/bin/bash
set -eu
shopt -s nullglob extglob
umask 027
#=c
mkdir -p /opt/private
#=c
echo x > /opt/private/file
umask 022
#=c
echo y > /opt/public
