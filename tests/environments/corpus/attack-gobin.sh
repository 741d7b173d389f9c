#!/bin/bash
export GOBIN=/workspace/bin
#=r
go install example.org/x@v1
