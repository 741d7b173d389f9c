#!/bin/bash
#=c
groupadd -f docker
#=c
useradd -m -s /bin/bash -d /home/dev -G docker dev
#=c
usermod -aG docker dev
