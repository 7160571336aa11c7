#!/usr/bin/env bash
# Builds the CUDA library for this machine's card, tests it on the card, and measures it against PyTorch.
#
#   bench/gpu/run.sh [RESULT.json]        (default: bench/results/gpu.json)
#
# Needs nvcc, cuDNN 9, cuBLAS and NVRTC (the system's, CUDA_HOME's, or pip's nvidia folder: DEEPYEAST_CUDA_WHEELS) and
# CMake with a C++ compiler; no network. With a Python that has PyTorch (DEEPYEAST_BENCH_PYTHON, default python3) it is
# compared with that; with Node and a built package it is measured through the JavaScript API as well. Ends within seven
# minutes, the build included: sections come in the order of what they tell, and those that are left when the time is over
# are named as not run (DEEPYEAST_BENCH_SECONDS=900 has time for all). The JSON is written anew after each section; what
# could not be measured stands there with the reason. Exits with 0 when all that ran went well, 1 when a test failed or a
# measurement did, 4 where CUDA cannot be used.
set -uo pipefail
cd "$(dirname "$0")/../.."

result=${1:-bench/results/gpu.json}
python=${DEEPYEAST_BENCH_PYTHON:-python3}
build=$(realpath -m "${DEEPYEAST_BENCH_BUILD:-build/gpu}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Plans and PyTorch's compiled kernels are kept from one section to the next, and no longer.
export DEEPYEAST_CACHE=$scratch/cache TORCHINDUCTOR_CACHE_DIR=$scratch/inductor
failures=()
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
quoted() { printf '"%s"' "$(printf '%s' "$1" | tr '\n\t' '  ' | LC_ALL=C tr -cd '\40-\176' | cut -c1-800 | sed 's/[\\"]/\\&/g')"; }

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
  [ "$status" -eq 0 ] || failures+=("$name")
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

# The libraries that this Python has, unless others are named.
if [ -z "${DEEPYEAST_CUDA_WHEELS:-}" ]; then
  DEEPYEAST_CUDA_WHEELS=$("$python" -c 'import nvidia.cudnn, os; print(os.path.dirname(list(nvidia.cudnn.__path__)[0]))' 2>/dev/null)
  export DEEPYEAST_CUDA_WHEELS
fi

# --- build, for this card only ---
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d '. ')
architectures=${DEEPYEAST_CUDA_ARCHITECTURES:-}
[ -n "$architectures" ] || { [[ $capability =~ ^[0-9]+$ ]] && architectures=$capability || architectures='80;90'; }
printf '== build for %s in %s\n' "$architectures" "$build" >&2
build_all() {
  cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DDEEPYEAST_TESTS=ON -DDEEPYEAST_CUDA=on \
    "-DDEEPYEAST_CUDA_ARCHITECTURES=$architectures" "-DDEEPYEAST_CUDA_WHEELS=$DEEPYEAST_CUDA_WHEELS" &&
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
# test_section NAME SECONDS COMMAND...: the last line of a test program, and what failed.
test_section() {
  local name=$1 limit=$2 left=$((end - SECONDS)) began=$SECONDS status=0
  shift 2
  if [ "$left" -lt 10 ]; then
    printf '{"error":"not run: the time for all sections was over"}' | keep "$name"
    return
  fi
  [ "$limit" -lt "$left" ] || limit=$left
  printf '== %s\n' "$name" >&2
  DEEPYEAST_CUDA_ENGINES=1 DEEPYEAST_TEST_CUDA=$library timeout --kill-after=5 "$limit" "$@" >"$scratch/tests.log" 2>&1 || status=$?
  local failed
  failed=$(grep -E '^FAIL|^========= [A-Z]' "$scratch/tests.log" | head -n 20)
  [ -z "$failed" ] || printf '%s\n' "$failed" >&2
  printf '{"status":%d,"seconds":%d,"summary":%s,"values":%s,"failed":%s}' "$status" $((SECONDS - began)) \
    "$(quoted "$(tail -n 1 "$scratch/tests.log")")" "$(quoted "$(grep -E '^     ' "$scratch/tests.log")")" \
    "$(quoted "$failed")" | keep "$name"
  [ "$status" -eq 0 ] || failures+=("$name")
}

torch=no
if "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then torch=yes; fi
[ "$torch" = yes ] || printf '{"error":"PyTorch with CUDA was not found: DEEPYEAST_BENCH_PYTHON names another Python"}' | keep pytorch
against() { [ "$torch" = yes ] && measure "$@"; }

# A training step's gradients against double precision: no worse than 1.5 times PyTorch's.
agreement() {
  local name=agreement-$1
  [ "$torch" = yes ] || return
  if DEEPYEAST_CUDA_ENGINES=1 timeout --kill-after=5 40 "$bench" "$library" gradients "$1" 100 "$scratch/step.safetensors" >"$scratch/gradients.log" 2>&1; then
    measure "$name" 40 "$python" bench/gpu/agreement.py "$scratch/step.safetensors" "$1"
    rm -f "$scratch/step.safetensors"
  else
    printf '{"error":%s}' "$(quoted "$(tail -n 1 "$scratch/gradients.log")")" | keep "$name"
    failures+=("$name")
  fi
}

test_section tests-network 60 "$tests" small_cuda
for precision in bfloat16 tf32 float32; do agreement "$precision"; done

# --- speed; ours and PyTorch's in turn ---
against ceilings 25 "$python" bench/gpu/pytorch.py ceilings
clocks() { exec nvidia-smi --query-gpu=clocks.sm,clocks.mem,power.draw,temperature.gpu --format=csv,noheader -lms 250 >"$scratch/clocks" 2>/dev/null; }
round() {
  clocks &
  local sampler=$!
  measure "training-bfloat16-100-$1" 60 "$bench" "$library" training bfloat16 100 200
  kill "$sampler" 2>/dev/null
  wait "$sampler" 2>/dev/null
  # The process ends with some hundred milliseconds of giving memory back.
  printf '{"clocks.sm,clocks.mem,power.draw,temperature":%s}' "$(quoted "$(tail -n 4 "$scratch/clocks" | head -n 1)")" | keep "clocks-in-training-$1"
  against "pytorch-training-bfloat16-compiled-100-$1" 90 "$python" bench/gpu/pytorch.py training bfloat16 compiled 100 100
  measure "inference-bfloat16-1000-$1" 60 "$bench" "$library" inference bfloat16 1000
  against "pytorch-inference-bfloat16-compiled-1000-$1" 60 "$python" bench/gpu/pytorch.py inference bfloat16 compiled 1000
}
round 1
test_section tests-operations 90 "$tests" -small_cuda -learns
round 2
measure profile-bfloat16-100 40 "$bench" "$library" profile bfloat16 100
for precision in tf32 float32; do
  measure "training-$precision-100" 40 "$bench" "$library" training "$precision" 100 100
  measure "profile-$precision-100" 40 "$bench" "$library" profile "$precision" 100
done
test_section tests-learning 90 "$tests" learns
if command -v compute-sanitizer >/dev/null; then
  if timeout 30 compute-sanitizer "$bench" "$library" doctor >"$scratch/sanitizer.log" 2>&1; then
    test_section sanitizer 60 compute-sanitizer --error-exitcode 9 "$tests" small_cuda_has small_cuda_trains small_cuda_stops
  else
    printf '{"error":%s}' "$(quoted "skipped: compute-sanitizer refuses this device: $(tail -n 2 "$scratch/sanitizer.log")")" | keep sanitizer
  fi
else
  printf '{"error":"skipped: compute-sanitizer was not found"}' | keep sanitizer
fi
if command -v node >/dev/null && [ -e dist/index.js ] && [ -d node_modules ]; then
  export DEEPYEAST_CUDA_LIBRARY=$library
  measure node-training-bfloat16-100 45 node bench/gpu/node.js training bfloat16 100 200
  measure node-inference-bfloat16-4000 45 node bench/gpu/node.js inference bfloat16 4000
  measure inference-bfloat16-4000 30 "$bench" "$library" inference bfloat16 4000
else
  printf '{"error":"skipped: no Node with a built package"}' | keep node
fi
for batch in 10000 100 1; do measure "inference-bfloat16-$batch" 30 "$bench" "$library" inference bfloat16 "$batch"; done
against pytorch-training-bfloat16-eager-100 30 "$python" bench/gpu/pytorch.py training bfloat16 eager 100 50
for batch in 10000 100 1; do against "pytorch-inference-bfloat16-compiled-$batch" 40 "$python" bench/gpu/pytorch.py inference bfloat16 compiled "$batch"; done
against pytorch-training-bfloat16-tuned-100 180 "$python" bench/gpu/pytorch.py training bfloat16 tuned 100 100

# --- the table ---
value() { sed -n "s/.*\"$2\": *\([-0-9.e+]*\).*/\1/p" "$scratch/sections/$1.json" 2>/dev/null | head -n 1; }
# least FIELD NAME...: of those sections that have it.
least() {
  local field=$1 name
  shift
  for name in "$@"; do value "$name" "$field"; done | sort -g | head -n 1
}
sections() { (cd "$scratch/sections" && ls) | sed -n "s/^\($1\)\.json$/\1/p"; }
ours=$(least msPerIteration $(sections 'training-bfloat16-100-.*'))
theirs=$(least msPerIteration $(sections 'pytorch-training-bfloat16-.*'))
inference=$(least msPerCall $(sections 'inference-bfloat16-1000-.*'))
their_inference=$(least msPerCall $(sections 'pytorch-inference-bfloat16-.*-1000-.*'))
# 1.84 GFLOP forward an image, twice that backward but for the first layer's data gradient (definitions of the paper's
# network); memory: what a step must move at least is not counted.
awk -v ours="$ours" -v theirs="$theirs" -v inference="$inference" -v their_inference="$their_inference" \
  -v ceiling="$(value ceilings bfloat16TeraflopsPerSecond)" -v node="$(value node-training-bfloat16-100 msPerIteration)" \
  -v node_inference="$(value node-inference-bfloat16-4000 msPerCall)" -v inference_4000="$(value inference-bfloat16-4000 msPerCall)" '
  function put(name, number) { if (number != "") printf "%s\"%s\":%.4f", (some++ ? "," : ""), name, number }
  BEGIN {
    printf "{"
    put("trainingMs", ours)
    if (ours && theirs) put("trainingTimesPytorch", theirs / ours)
    if (inference) put("inferenceImagesPerSecond", 1e6 / inference)
    if (inference && their_inference) put("inferenceTimesPytorch", their_inference / inference)
    if (ours && ceiling) put("shareOfMatrixCeilingInTraining", 0.55 / ours * 1e3 / ceiling)
    if (inference && ceiling) put("shareOfMatrixCeilingInInference", 1.84 / inference / ceiling * 1e3)
    if (node && ours) put("javascriptOverCxxInTraining", node / ours)
    if (node_inference && inference_4000) put("javascriptOverCxxInInference", node_inference / inference_4000)
    printf "}"
  }' </dev/null | keep summary
printf '\n%-52s %12s %14s\n' measurement 'ms' 'images/s'
for name in $(sections '.*\(training\|inference\)-.*'); do
  case $name in clocks*) continue ;; esac
  ms=$(value "$name" msPerIteration)
  [ -n "$ms" ] || ms=$(value "$name" msPerCall)
  printf '%-52s %12s %14s\n' "$name" "${ms:-none}" "$(value "$name" imagesPerSecond)"
done
printf '\n%-52s %12s %14s\n' 'on an H100 at batch 100 and 1,000, bfloat16' found wanted
row() { printf '%-52s %12s %14s\n' "$1" "$(value summary "$2")" "$3"; }
row 'training, ms an iteration' trainingMs '<= 2.5'
row "training, times PyTorch's best" trainingTimesPytorch '>= 1.3'
row 'inference, images/s' inferenceImagesPerSecond '>= 200000'
row "inference, times PyTorch's best" inferenceTimesPytorch '>= 1.3'
row 'JavaScript over C++, training' javascriptOverCxxInTraining '<= 1.03'
row 'JavaScript over C++, inference' javascriptOverCxxInInference '<= 1.03'
for precision in bfloat16 tf32 float32; do
  printf '%-52s %12s %14s\n' "gradients' error over PyTorch's, $precision" "$(value "agreement-$precision" worstRatio)" '<= 1.5'
done
for name in tests-network tests-operations tests-learning sanitizer; do
  [ ! -e "$scratch/sections/$name.json" ] || printf '%-52s %s\n' "$name" "$(sed -n 's/.*"summary":"\([^"]*\)".*/\1/p; s/.*"error":"\([^"]*\)".*/\1/p' "$scratch/sections/$name.json")"
done
[ "${#failures[@]}" -eq 0 ] || printf '\nfailed: %s\n' "${failures[*]}"
printf '\nwritten: %s\n' "$result"
[ "${#failures[@]}" -eq 0 ]
