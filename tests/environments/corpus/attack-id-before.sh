#!/bin/bash
#=r
id dev >/dev/null 2>&1 && echo had > /workspace/had
#=r
useradd dev
