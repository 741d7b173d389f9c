#!/bin/bash
#=c
curl --proto '=https' --tlsv1.2 -sSf https://h.example.org/rustup.sh | sh -s -- -y
source "$HOME/.cargo/env"
#=c
cargo install ripgrep
