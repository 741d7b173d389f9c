#!/bin/bash
#=r
( (cd /opt && touch a); touch b )
#=c
( cd /opt; touch c )
#=c
{ (cd /etc/apt && echo x > y); touch /opt/d; }
