#!/bin/bash
#=r
for f in /opt/a /workspace/b; do touch $f; done
#=r
for f in /opt/a /workspace/b; do mkdir -p "$f"; done
