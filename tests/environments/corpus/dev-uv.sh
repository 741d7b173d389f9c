#!/bin/bash
set -euo pipefail
export UV_LINK_MODE=copy
#=c
uv tool install ruff
#=c
pipx install poetry
#=r
uv sync
