#!/bin/bash
cd /workspace
#=r
corepack prepare --activate
