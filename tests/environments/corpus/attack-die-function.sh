#!/bin/bash
die() { echo "$*" >&2; exit 1; }
#=c
apt-get install -y jq || die "no jq"
[ -x /usr/bin/jq ] || die "no jq there"
