#!/bin/bash
#=r
locale -a > /workspace/l
#=r
locale-gen en_US.UTF-8
