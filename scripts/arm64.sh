#!/usr/bin/env bash
# The addon for 64-bit ARM on Linux, for a release: compiled with Debian's cross compiler into prebuilds/linux-arm64, its
# C++ tests run under qemu-user, then, where DEEPYEAST_ARM64_NODE names a Node.js for ARM, the self-test of
# `deepyeast doctor`. Emulated, so it takes some ten minutes: apt-get install g++-aarch64-linux-gnu qemu-user
#   scripts/arm64.sh [NAME...]      only the C++ tests whose names contain one of these
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  command -v "$tool" >/dev/null || {
    echo "$tool is missing: apt-get install g++-aarch64-linux-gnu qemu-user" >&2
    exit 1
  }
done
emulate=(qemu-aarch64 -L /usr/aarch64-linux-gnu)

node scripts/prebuilds.js linux-arm64 -DDEEPYEAST_TESTS=ON

binary="prebuilds/linux-arm64/deepyeast.glibc.node"
echo "needs glibc $(aarch64-linux-gnu-readelf -V "$binary" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1)"

for name in "${@:-}"; do "${emulate[@]}" build/linux-arm64/native/test/native_tests $name; done

if [ -n "${DEEPYEAST_ARM64_NODE:-}" ]; then
  # The self-test of `deepyeast doctor`, which finds the binary in prebuilds/.
  npm run --silent build:ts
  "${emulate[@]}" "$DEEPYEAST_ARM64_NODE" dist/native/self-test-process.js cpu
else
  echo 'DEEPYEAST_ARM64_NODE is not set: the addon was not loaded into Node.js'
fi
