#!/bin/bash
#=r
if id dev >/dev/null 2>&1; then HAD=1; else HAD=0; fi
#=r
useradd dev
#=r
echo "$HAD" > /workspace/had
