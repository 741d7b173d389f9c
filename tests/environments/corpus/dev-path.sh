#!/bin/bash
set -e
export PATH="/opt/x/bin:$PATH"
export TOOL_HOME=/opt/x
#=c
mkdir -p "$TOOL_HOME/bin"
#=c
curl -fsSL -o "$TOOL_HOME/bin/x" https://example.org/x
#=c
chmod 755 "$TOOL_HOME/bin/x"
