#!/bin/bash
#=r
(cd /opt | true; touch x)
