#!/bin/bash
DEB=tool_$(dpkg --print-architecture).deb
#=r
wget -q "https://h.example.org/$DEB"
#=r
apt-get install -y ./"$DEB" || true
