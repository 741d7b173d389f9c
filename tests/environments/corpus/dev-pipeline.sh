#!/bin/bash
set -o pipefail
#=c
echo 'tzdata tzdata/Areas select Etc' | debconf-set-selections
#=c
sed -i 's/^/# /' /etc/issue
#=r
cat /workspace/names | sort > /workspace/sorted
