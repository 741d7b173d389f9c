#!/bin/bash
case "$(uname -m)" in x86_64) ARCH=amd64 ;; aarch64) ARCH=arm64 ;; *) echo bad >&2; exit 1 ;; esac
#=c
curl -fsSL "https://h.example.org/x-$ARCH.tar.gz" | tar -xz -C /usr/local
