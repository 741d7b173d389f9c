#!/bin/bash
#=c
awk -i inplace '{ print }' /etc/names
#=c
echo x > /etc/names
