#!/bin/bash
set -e
export NVM_DIR="$HOME/.nvm"
#=c
curl -fsSL https://h.example.org/install.sh | bash
#=r
[ -s "$NVM_DIR/nvm.sh" ] && . "$NVM_DIR/nvm.sh"
#=c
nvm install 20
#=c
npm install -g yarn
