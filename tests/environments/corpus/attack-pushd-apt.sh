#!/bin/bash
pushd /etc/apt
#=c
echo '# one' > sources.list.d/one.list
popd
#=c
apt-get update && apt-get install -y jq
