#!/bin/bash
ARGS="-e ."
#=r
pip install $ARGS
OPTS="-o /workspace/x"
#=r
curl -fsSL $OPTS https://h.example.org/x
