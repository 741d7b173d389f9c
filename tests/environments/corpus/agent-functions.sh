#!/usr/bin/env bash
set -Eeuo pipefail

log() {
  printf '[setup] %s\n' "$*"
}

retry() {
  local attempt
  for attempt in 1 2 3; do
    "$@" && return 0
    sleep 0.1
  done
  return 1
}

log "packages"
#=c
retry apt-get update
#=c
retry apt-get install -y jq less
log "task"
#=r
retry cp /workspace/config.json "/tmp/config-$TASK_ID.json"
