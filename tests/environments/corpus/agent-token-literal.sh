#!/bin/bash
#=r
export API_TOKEN=literal-secret
#=c
apt-get install -y tree
#=r
curl -H "Authorization: Bearer $API_TOKEN" -o /etc/got https://example.org/private
