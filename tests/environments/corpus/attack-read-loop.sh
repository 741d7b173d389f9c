#!/bin/bash
#=c
while IFS= read -r p; do apt-get install -y "$p"; done <<'EOF'
jq
tree
EOF
