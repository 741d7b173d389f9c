#!/bin/bash
DIRS="/opt/a /workspace/b"
#=r
mkdir -p $DIRS
#=r
touch $DIRS/x
