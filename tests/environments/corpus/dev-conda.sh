#!/bin/bash
set -e
#=c
conda install -y numpy=1.26
#=c
conda clean -afy
#=r
eval "$(conda shell.bash hook)"
#=r
conda activate base
