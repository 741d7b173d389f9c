#!/bin/bash
#=r
du -s /opt > /workspace/size
#=r
echo 1 > /opt/some
