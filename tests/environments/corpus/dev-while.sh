#!/bin/bash
set -e
#=c
while read -r name; do
  mkdir -p "/opt/dirs/$name"
done <<'EOF'
one
two
EOF
#=r
while read -r name; do
  echo "$name" >> "/tmp/list-$TASK_ID"
done < /workspace/names
