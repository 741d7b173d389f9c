#!/bin/bash
pushd /opt >/dev/null
#=c
mkdir -p one
pushd /etc >/dev/null
#=c
echo x > two
popd >/dev/null
#=c
touch three
popd >/dev/null
#=r
touch four
