#!/bin/bash
export PATH="/workspace/.venv/bin:$PATH"
#=r
pip install black
