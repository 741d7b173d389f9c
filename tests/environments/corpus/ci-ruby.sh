#!/bin/bash
set -e
#=c
apt-get install -y ruby
#=c
gem install bundler --no-document
#=r
bundle install
#=r
apt-get install -y tree
