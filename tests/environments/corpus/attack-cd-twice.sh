#!/bin/bash
cd /opt
cd /etc
cd -
#=c
touch where
