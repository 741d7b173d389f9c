#!/bin/bash
#=r
pip install ".[dev]"
#=r
pip install .[dev]
#=r
pip install -e.
#=r
pip install libs/core
#=r
pip install dist/*.whl
#=r
pip install --requirement=dev.in
#=r
pip install --target=lib x
#=r
pip install --find-links wheels x
#=r
pip install --no-index wheel.whl
