#!/usr/bin/env bash
# Builds the function as it is deployed, though for this machine's processor, and tests that build as a process.
# Needs Rust, a C compiler, python3 and PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."

tests/environment cargo-lambda

case $(uname -m) in
x86_64) processor=--x86-64 ;;
aarch64) processor=--arm64 ;;
*)
    echo "Lambda runs on x86-64 and arm64, and this is $(uname -m)" >&2
    exit 1
    ;;
esac
PATH="$PWD/target/environments/cargo-lambda/bin:$PATH" cargo lambda build --release --locked "$processor"

SEGMENT_LOADER_BINARY="$PWD/target/lambda/segment-loader/bootstrap" cargo test --locked --test it -- deployed chaos
