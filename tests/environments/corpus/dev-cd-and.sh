#!/bin/bash
#=r
cd /opt && curl -sSO https://example.org/one.bin
#=r
touch two
#=c
(cd /usr/local/share && curl -sSO https://example.org/three.bin)
