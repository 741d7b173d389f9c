#!/bin/bash
set -e
MODE=release
#=c
(
  umask 022
  mkdir -p /opt/sub
  echo "$MODE" > /opt/sub/mode
)
#=r
( cd /workspace; echo "$MODE" > mode )
