#!/bin/bash
set -e
declare -r VERSION=3.1
declare -a NAMES=(alpha beta)
declare -A MAP=([a]=1)
readonly TARGET=/opt/declared
#=c
mkdir -p "$TARGET"
#=c
for n in "${NAMES[@]}"; do
  echo "$VERSION" > "$TARGET/$n"
done
#=r
declare -x SESSION="$TASK_ID"
