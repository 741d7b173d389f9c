#!/bin/bash
set -e
#=c
pacman -Syu --noconfirm base-devel
#=c
yay -S --noconfirm some-tool
#=r
yay -Q > "/tmp/packages-$TASK_ID"
