#!/usr/bin/env bash
# Builds the function as it is deployed, though for this machine's processor, and tests that build as a process.
# Needs Rust, a C compiler, python3 and PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch"
"$scratch/bin/pip" install --quiet --disable-pip-version-check 'cargo-lambda==1.9.2' 'ziglang==0.17.1'

case $(uname -m) in
x86_64) processor=--x86-64 ;;
aarch64) processor=--arm64 ;;
*)
    echo "Lambda runs on x86-64 and arm64, and this is $(uname -m)" >&2
    exit 1
    ;;
esac
PATH="$scratch/bin:$PATH" cargo lambda build --release --locked "$processor"

SEGMENT_LOADER_BINARY="$PWD/target/lambda/segment-loader/bootstrap" cargo test --locked --test it -- deployed chaos
