#!/bin/bash
#=r
cd /workspace && npm ci
#=c
npm install -g x
