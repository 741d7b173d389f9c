#!/bin/bash
#=r
apt-get install -y $(comm -12 <(sort /workspace/names) <(sort /workspace/names))
#=r
diff <(date) <(date) > /etc/d
