#!/bin/bash
args=(-r requirements.txt)
#=r
pip install "${args[@]}"
