#!/bin/bash
set -eu
#=c
apt-get update && apt-get install -y python3-venv python3-pip jq
#=c
pip install --no-cache-dir black==24.1.0 ruff
#=r
if [ -f /workspace/requirements.txt ]; then
  pip install -r /workspace/requirements.txt
fi
export PYTHONUNBUFFERED=1
#=r
export AGENT_TASK="$TASK_ID"
