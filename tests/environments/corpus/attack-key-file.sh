#!/bin/bash
#=r
wget -q https://h.example.org/key.gpg
#=r
apt-key add key.gpg || true
#=r
debconf-set-selections preseed || true
