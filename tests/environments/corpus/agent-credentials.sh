#!/bin/bash
set -e
#=r
git config --global user.name "$GIT_NAME"
#=r
git config --global user.email "bot@example.org"
#=r
echo "machine example.org login bot password $GIT_TOKEN" > ~/.netrc
#=r
chmod 600 ~/.netrc
#=c
apt-get install -y tree
#=r
git clone https://example.org/tools.git /workspace/tools
