#!/bin/bash
set -e
#=r
export PIP_INDEX_URL="https://$INDEX_USER@index.example.org/simple"
#=r
pip install private-thing
#=r
apt-get install -y tree
