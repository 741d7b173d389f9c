#!/bin/bash
cd "$TARGET_DIR"
#=r
echo x > y
#=r
cp /etc/hostname /opt/y
