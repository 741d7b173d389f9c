#!/bin/bash
cd /none 2>/dev/null || cd /opt
#=r
touch a
