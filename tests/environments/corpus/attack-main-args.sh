#!/bin/bash
install_all() { apt-get update; apt-get install -y jq; }
main() { install_all; echo "$TASK_ID" > /workspace/t; }
#=r
main "$@"
