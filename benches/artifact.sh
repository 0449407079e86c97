#!/usr/bin/env bash
# How large the function is as it is uploaded: builds it for arm64 and prints the size of its zip and the goal.
# Needs Rust, a C compiler, python3 and PyPI; the build takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly most=5000000 # bytes

tests/environment cargo-lambda
PATH="$PWD/target/environments/cargo-lambda/bin:$PATH" cargo lambda build --release --locked --arm64
python3 - target/lambda/segment-loader/bootstrap $most <<'PYTHON'
import sys
import tempfile
import zipfile

path, most = sys.argv[1], int(sys.argv[2])
with tempfile.TemporaryFile() as file:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        packed.write(path, "bootstrap")
    size = file.tell()
verdict = "goal met" if size <= most else "MISSED"
print(f"{verdict}: the arm64 artifact has {size:,} bytes as a zip, at most {most:,}")
PYTHON
