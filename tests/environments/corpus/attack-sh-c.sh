#!/bin/bash
#=c
sh -c 'apt-get install -y jq'
#=c
sudo bash -c 'echo x > /etc/x'
