#!/bin/bash
#=r
(V=$(cd /opt && echo v); echo "$V" > w)
