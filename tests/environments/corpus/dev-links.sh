#!/bin/bash
set -e
#=c
echo '#!/bin/sh' > /usr/local/bin/hello
#=c
chmod 0755 /usr/local/bin/hello
#=c
ln -s hello /usr/local/bin/hi
#=r
ln -sfn /workspace /opt/current
#=c
chown -R root:root /opt
