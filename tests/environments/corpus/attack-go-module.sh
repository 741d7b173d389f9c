#!/bin/bash
#=r
go install golang.org/x/tools/gopls
