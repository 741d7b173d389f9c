#!/bin/bash
add() { while (($#)); do mkdir -p "/opt/$1"; shift; done; }
#=c
add a b
#=r
add "$TASK_ID"
