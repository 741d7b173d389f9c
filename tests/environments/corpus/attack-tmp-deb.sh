#!/bin/bash
#=c
curl -fsSL https://h.example.org/x.deb -o /tmp/x.deb && dpkg -i /tmp/x.deb; rm -f /tmp/x.deb
#=c
apt-get install -y jq
