#!/bin/bash
go_there() { cd /opt || exit 1; }
go_there
#=c
touch a
cd - >/dev/null || exit 1
#=r
touch b
