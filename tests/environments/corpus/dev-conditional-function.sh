#!/bin/bash
#=r
if [ -n "$USE_FAST" ]; then
  install_it() { apt-get install -y tree; }
else
  install_it() { apt-get install -y less; }
fi
#=r
install_it
