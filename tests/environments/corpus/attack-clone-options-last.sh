#!/bin/bash
#=r
git clone https://h.example.org/y /opt/y --depth 1
#=r
cp /opt/y/cloned /opt/z
