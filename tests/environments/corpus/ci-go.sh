#!/bin/bash
set -e
GO_VERSION=1.22.1
#=c
curl -sSL "https://example.org/go${GO_VERSION}.tar.gz" | tar -C /usr/local -xz
export PATH=/usr/local/go/bin:$PATH
export GOFLAGS=-mod=mod
#=c
go install example.org/lint@v1.55
#=r
go mod download
