#!/bin/bash
#=c
{ echo a; echo b; } > /etc/ab
#=r
{ echo a; echo "$TASK_ID"; } > /etc/ac
