#!/bin/bash
#=r
pip install -r requirements.txt
#=c
npm install -g typescript
