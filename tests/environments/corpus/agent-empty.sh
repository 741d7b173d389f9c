#!/bin/bash
# nothing to do
