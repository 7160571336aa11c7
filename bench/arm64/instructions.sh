#!/usr/bin/env bash
# How many instructions a 64-bit ARM processor runs for an image in inference, by NEON's kernels and by the portable ones:
# counted under QEMU, which has no times to tell.
#
#   bench/arm64/instructions.sh [RESULT.json]      (default: bench/results/arm64-instructions.json)
#
# Needs Debian's g++-aarch64-linux-gnu, qemu-user and gcc. The paper's network, eight images, one thread; calls of one and of
# two times as many images are counted, and their difference is eight images without what a start costs.
set -euo pipefail
result=$(realpath -m "${1:-$(dirname "$0")/../results/arm64-instructions.json}")
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
build=${DEEPYEAST_ARM64_BUILD:-build/arm64-instructions}
cmake -S . -B "$build" -DCMAKE_TOOLCHAIN_FILE="$PWD/scripts/arm64.cmake" -DCMAKE_BUILD_TYPE=Release -DDEEPYEAST_CUDA=off -DDEEPYEAST_TESTS=ON >/dev/null
cmake --build "$build" --parallel "$(nproc)" --target engine_contestant >/dev/null
gcc -shared -fPIC -O2 -o "$scratch/count.so" bench/arm64/count_instructions.c
# The mean image and the scale; the instructions do not depend on weights or pixels.
{ printf 'mean_image 8192\n'; head -c 32768 /dev/zero; printf 'scale 1\n\0\0\200\077'; } >"$scratch/model"
head -c 65536 /dev/zero >"$scratch/cells"
# count INSTRUCTION_SET REPEATS: instructions of the whole process.
count() {
  echo "8 $2 $scratch/cells $scratch/posteriors" |
    qemu-aarch64 -E "DEEPYEAST_ISA=$1" -L /usr/aarch64-linux-gnu -plugin "$scratch/count.so" \
      "$build/native/test/engine_contestant" "$scratch/model" 1 2>&1 >/dev/null | sed -n 's/^instructions //p'
}
per_image() { echo $((($(count "$1" 2) - $(count "$1" 1)) / 8)); }
neon=$(per_image neon)
portable=$(per_image portable)
printf '{"network":"paper","batch":8,"threads":1,"compiler":"%s","emulator":"%s","instructionsPerImage":{"neon":%d,"portable":%d},"neonOverPortable":%.3f}\n' \
  "$(aarch64-linux-gnu-g++ -dumpfullversion)" "$(qemu-aarch64 --version | head -n 1)" "$neon" "$portable" \
  "$(awk "BEGIN { print $neon / $portable }")" | tee "$result"
