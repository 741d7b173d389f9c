#!/bin/bash
#=r
git clone --depth 1 https://h.example.org/pyenv.git ~/.pyenv
export PYENV_ROOT="$HOME/.pyenv"
export PATH="$PYENV_ROOT/bin:$PATH"
eval "$(pyenv init -)"
#=r
pyenv install 3.11
