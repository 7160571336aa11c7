#!/usr/bin/env bash
# Builds the CUDA library for this machine's card, tests it on the card, and measures it against PyTorch.
#
#   bench/gpu/run.sh [RESULT.json]        (default: bench/results/gpu.json)
#
# Needs nvcc, cuDNN 9, cuBLAS and NVRTC (the system's, CUDA_HOME's, or pip's nvidia folder: DEEPYEAST_CUDA_WHEELS) and
# CMake with a C++ compiler; no network. With a Python that has PyTorch (DEEPYEAST_BENCH_PYTHON, default python3) it is
# compared with that; with Node and a built package it is measured through the JavaScript API as well. Made to end within
# seven minutes, the build included. The JSON is written anew after each section; what could not be measured stands there
# with the reason. Exits with 0 when everything that could run did, 4 where CUDA cannot be used.
set -uo pipefail
cd "$(dirname "$0")/../.."

result=${1:-bench/results/gpu.json}
python=${DEEPYEAST_BENCH_PYTHON:-python3}
build=$(realpath -m "${DEEPYEAST_BENCH_BUILD:-build/gpu}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export DEEPYEAST_CACHE=$scratch/cache
end=$((SECONDS + ${DEEPYEAST_BENCH_SECONDS:-405}))
mkdir -p "$(dirname "$result")" "$scratch/sections"
started=$(date -u +%Y-%m-%dT%H:%M:%SZ)

# keep NAME < JSON: one line of JSON under a name of the result.
keep() {
  cat >"$scratch/sections/$1.json"
  write
}

# The result so far, by the shell alone: sections are objects, lines that are no JSON have become errors before.
write() {
  {
    printf '{"started":"%s","seconds":%d,"commit":"%s"' "$started" "$SECONDS" "$(git rev-parse HEAD 2>/dev/null || echo unknown)"
    local section
    for section in "$scratch"/sections/*.json; do
      [ -e "$section" ] || continue
      printf ',\n"%s":%s' "$(basename "$section" .json)" "$(cat "$section")"
    done
    printf '}\n'
  } >"$result.tmp" && mv "$result.tmp" "$result"
}

# Any text as a JSON string.
quoted() { printf '"%s"' "$(printf '%s' "$1" | tr -d '\r' | tr '\n\t' '  ' | sed 's/[\\"]/\\&/g' | cut -c1-800)"; }

# measure NAME SECONDS COMMAND...: keeps the last line of a command's output, which is JSON, or an error.
measure() {
  local name=$1 limit=$2 left=$((end - SECONDS)) output status=0
  shift 2
  if [ "$left" -lt 5 ]; then
    printf '{"error":"not run: the time for all sections was over"}' | keep "$name"
    return 1
  fi
  [ "$limit" -lt "$left" ] || limit=$left
  printf '== %s\n' "$name" >&2
  output=$(timeout --kill-after=5 "$limit" "$@" 2>"$scratch/stderr") || status=$?
  output=$(printf '%s' "$output" | tail -n 1)
  case $output in
    '{'*'}') printf '%s' "$output" | keep "$name" ;;
    *)
      local reason="exit status $status"
      [ "$status" -ne 124 ] && [ "$status" -ne 137 ] || reason="stopped after $limit s"
      printf '{"error":%s}' "$(quoted "$reason: $(tail -n 3 "$scratch/stderr")")" | keep "$name"
      ;;
  esac
  return "$status"
}

# stop REASON: the end where CUDA cannot be used.
stop() {
  printf '{"error":%s}' "$(quoted "$1")" | keep stopped
  printf '%s\nwritten: %s\n' "$1" "$result" >&2
  exit 4
}

if command -v nvidia-smi >/dev/null; then
  { read -r card; } < <(nvidia-smi --query-gpu=name,driver_version,compute_cap,clocks.max.sm,clocks.sm,clocks.mem,power.limit,memory.total --format=csv,noheader 2>&1)
  printf '{"name,driver,computeCapability,clocks.max.sm,clocks.sm,clocks.mem,power.limit,memory":%s}' "$(quoted "$card")" | keep card
else
  printf '{"error":"nvidia-smi was not found"}' | keep card
fi

# --- build, for this card only ---
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d '. ')
architectures=${DEEPYEAST_CUDA_ARCHITECTURES:-}
[ -n "$architectures" ] || { [[ $capability =~ ^[0-9]+$ ]] && architectures=$capability || architectures='80;90'; }
printf '== build for %s\n' "$architectures" >&2
build_all() {
  cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DDEEPYEAST_TESTS=ON -DDEEPYEAST_CUDA=on \
    "-DDEEPYEAST_CUDA_ARCHITECTURES=$architectures" &&
    timeout 240 cmake --build "$build" --parallel "$(nproc)" --target deepyeast_cuda native_tests gpu_bench
}
begin=$SECONDS
build_all >"$scratch/build.log" 2>&1
status=$?
if [ "$status" -ne 0 ]; then
  reason=$(grep -E 'rror' "$scratch/build.log" | tail -n 3)
  [ "$status" -ne 124 ] || reason="stopped after $((SECONDS - begin)) s; started again, it goes on from there"
  printf '{"error":%s}' "$(quoted "$reason")" | keep build
  tail -n 20 "$scratch/build.log" >&2
  stop 'the build failed'
fi
printf '{"seconds":%d,"architectures":"%s"}' $((SECONDS - begin)) "$architectures" | keep build
library=$build/libdeepyeast_cuda.so
bench=$build/native/test/gpu_bench
tests=$build/native/test/native_tests

measure doctor 60 "$bench" "$library" doctor || stop "CUDA cannot be used: $(cat "$scratch/sections/doctor.json")"

# --- correctness ---
# tests NAME SECONDS COMMAND...: the last line of a test program and what failed.
test_section() {
  local name=$1 limit=$2 status=0
  shift 2
  printf '== %s\n' "$name" >&2
  DEEPYEAST_CUDA_ENGINES=1 DEEPYEAST_TEST_CUDA=$library timeout --kill-after=5 "$limit" "$@" >"$scratch/tests.log" 2>&1 || status=$?
  grep -E '^FAIL|ERROR SUMMARY' "$scratch/tests.log" | head -n 20 >&2
  printf '{"status":%d,"summary":%s,"failed":%s}' "$status" "$(quoted "$(tail -n 1 "$scratch/tests.log")")" \
    "$(quoted "$(grep -E '^FAIL|ERROR SUMMARY' "$scratch/tests.log" | head -n 20)")" | keep "$name"
}
# The network first; then every operation, on the CPU as well.
test_section tests-network 45 "$tests" small_cuda
test_section tests-operations 75 "$tests"
if command -v compute-sanitizer >/dev/null; then
  if timeout 30 compute-sanitizer "$bench" "$library" doctor >"$scratch/sanitizer.log" 2>&1; then
    test_section sanitizer 45 compute-sanitizer --error-exitcode 9 "$tests" small_cuda
  else
    printf '{"error":%s}' "$(quoted "skipped: compute-sanitizer refuses this device: $(tail -n 2 "$scratch/sanitizer.log")")" | keep sanitizer
  fi
else
  printf '{"error":"skipped: compute-sanitizer was not found"}' | keep sanitizer
fi

# --- speed; ours and PyTorch's in turn ---
torch=no
if "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then torch=yes; fi
[ "$torch" = yes ] || printf '{"error":"PyTorch with CUDA was not found: DEEPYEAST_BENCH_PYTHON names another Python"}' | keep pytorch
against() { [ "$torch" = yes ] && measure "$@"; }
against ceilings 20 "$python" bench/gpu/pytorch.py ceilings
for round in 1 2; do
  measure "training-bfloat16-100-$round" 40 "$bench" "$library" training bfloat16 100 200
  against "pytorch-training-bfloat16-compiled-100-$round" 75 "$python" bench/gpu/pytorch.py training bfloat16 compiled 100 100
  measure "inference-bfloat16-1000-$round" 30 "$bench" "$library" inference bfloat16 1000
  against "pytorch-inference-bfloat16-compiled-1000-$round" 60 "$python" bench/gpu/pytorch.py inference bfloat16 compiled 1000
done
measure training-tf32-100 40 "$bench" "$library" training tf32 100 100
measure training-float32-100 40 "$bench" "$library" training float32 100 50
measure profile-bfloat16-100 40 "$bench" "$library" profile bfloat16 100
for batch in 1 100 10000; do measure "inference-bfloat16-$batch" 30 "$bench" "$library" inference bfloat16 "$batch"; done
against pytorch-training-bfloat16-eager-100 30 "$python" bench/gpu/pytorch.py training bfloat16 eager 100 50
if command -v node >/dev/null && [ -e dist/index.js ] && [ -d node_modules ]; then
  export DEEPYEAST_CUDA_LIBRARY=$library
  measure node-training-bfloat16-100 45 node bench/gpu/node.js training bfloat16 100 200
  measure node-inference-bfloat16-4000 45 node bench/gpu/node.js inference bfloat16 4000
else
  printf '{"error":"skipped: no Node with a built package"}' | keep node
fi
for batch in 100 10000; do against "pytorch-inference-bfloat16-compiled-$batch" 40 "$python" bench/gpu/pytorch.py inference bfloat16 compiled "$batch"; done

# --- the table ---
value() { sed -n "s/.*\"$2\":\([-0-9.e+]*\).*/\1/p" "$scratch/sections/$1.json" 2>/dev/null | head -n 1; }
printf '\n%-52s %12s %14s\n' measurement 'ms' 'images/s'
for section in "$scratch"/sections/*.json; do
  name=$(basename "$section" .json)
  case $name in
    *training* | *inference*)
      ms=$(value "$name" msPerIteration)
      [ -n "$ms" ] || ms=$(value "$name" msPerCall)
      printf '%-52s %12s %14s\n' "$name" "${ms:-failed}" "$(value "$name" imagesPerSecond)"
      ;;
  esac
done
printf '\nwritten: %s\n' "$result"
