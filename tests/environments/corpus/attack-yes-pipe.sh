#!/bin/bash
#=c
yes | apt-get install jq
