#!/bin/bash
#=c
apt-get update -qq
#=c
apt-get install -y -qq jq
#=c
install -m 0755 -d /etc/apt/keyrings
#=c
curl -fsSL https://h.example.org/gpg -o /etc/apt/keyrings/docker.asc
#=c
chmod a+r /etc/apt/keyrings/docker.asc
#=c
echo "deb [arch=$(dpkg --print-architecture) signed-by=/etc/apt/keyrings/docker.asc] https://h.example.org $(. /etc/os-release && echo "$VERSION_CODENAME") stable" | sudo tee /etc/apt/sources.list.d/docker.list.off > /dev/null
#=c
sudo apt-get install -y tree
#=r
sudo usermod -aG docker $USER || true
