#!/bin/bash
cd /workspace
#=r
go install
#=r
npm i -g
