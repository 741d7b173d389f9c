#!/bin/bash
#=c
curl -fsSL https://h.example.org/x.zip -o /opt/x.zip && unzip -q /opt/x.zip -d /opt/x; rm /opt/x.zip
#=c
apt-get install -y tree
