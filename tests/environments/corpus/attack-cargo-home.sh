#!/bin/bash
#=r
CARGO_HOME=/workspace/.cargo cargo install ripgrep
#=c
cargo install fd-find
