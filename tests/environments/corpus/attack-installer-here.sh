#!/bin/bash
#=r
curl -fsSL https://h.example.org/install.sh | sh -s -- -b ./bin
#=c
curl -fsSL https://h.example.org/install.sh | sh -s -- -b /usr/local/bin
#=r
curl -fsSL https://h.example.org/install.sh | BINDIR=/workspace/bin sh
