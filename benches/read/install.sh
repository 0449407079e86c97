#!/bin/sh
# Installs the benchmark's peers into the virtual environment named by $1, unless they are there.
set -eu
[ -x "$1/bin/python" ] || python3 -m venv "$1"
"$1/bin/python" -c 'import duckdb, polars, pyarrow, moto.server' 2>/dev/null ||
    "$1/bin/pip" install --quiet --disable-pip-version-check duckdb polars pyarrow 'moto[server]'
