#!/bin/bash
D='\D{%s}'
#=r
echo "${D@P}" > /etc/x
