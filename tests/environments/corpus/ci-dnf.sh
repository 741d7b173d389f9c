#!/bin/bash
set -e
#=c
dnf install -y gcc make
#=c
dnf clean all
#=c
yum install -y epel-release
