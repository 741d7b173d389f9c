#!/bin/bash
#=r
useradd -m "$GIT_NAME"
#=r
mkdir -p /home/somebody/x
