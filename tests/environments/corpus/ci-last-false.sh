#!/bin/bash
#=c
apt-get install -y jq
#=r
[ -n "$UNSET_THING" ] && export EXTRA=1
#=c
echo done > /etc/setup-done
