#!/bin/bash
#=c
there() ( cd /opt; touch a )
#=c
there
#=r
touch b
