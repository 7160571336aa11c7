#!/usr/bin/env bash
# Builds the CUDA library for this machine's card, tests it on the card, and measures it against PyTorch: three commands, each
# of which ends within nine minutes, in this order.
#
#   bench/gpu/run.sh parity   [RESULT.json]   builds; every operation and the network against double precision
#   bench/gpu/run.sh training [RESULT.json]   training in bfloat16, PyTorch's in turn with it
#   bench/gpu/run.sh rest     [RESULT.json]   inference, the other precisions, gradients beside PyTorch's, the JavaScript API
#   bench/gpu/run.sh PART --dry-run           what PART would do on this machine and how long it may take; needs no card
#
# RESULT.json, by default bench/results/gpu-PART.json of the repository, is written anew after each section; what could not be
# measured stands there with the reason. Exits with 0 when all that ran went well, 1 when a test failed or a measurement did,
# 2 for a wrong command, 4 where CUDA cannot be used.
#
# Needs nvcc, cuDNN 9, cuBLAS and NVRTC (the system's, CUDA_HOME's, or pip's nvidia folder: DEEPYEAST_CUDA_WHEELS), CMake with
# Ninja or make, and a C++ compiler; no network. With a Python that has PyTorch (DEEPYEAST_BENCH_PYTHON, default python3) it is
# compared with that and held against the card's measured ceilings. With Node, dist/, node_modules/ and the addon it is
# measured through the JavaScript API as well; what of those is missing is said by name.
#
# The build (DEEPYEAST_BENCH_BUILD, default build/gpu) and the measured choice of engines in it serve the later commands; one
# that finds no build begins with it.
# DEEPYEAST_BENCH_SECONDS gives a part other seconds than its own. DEEPYEAST_BENCH_ENDURANCE=ITERATIONS lets `rest` train as
# many iterations after all that, whatever time they take (an hour's worth: 3600 s over what an iteration takes), and record
# memory at each tenth.
set -uo pipefail
caller=$PWD
cd "$(dirname "$0")/../.."

reserve=20 # for what is between the sections
# Sections of a part in the order of what they tell, with the seconds that each is sure to have. A section may take up to three
# times as many where others have left time over; one that has not enough left is skipped.
parity=(
  'build 150' # for one architecture, on all cores; torch.compile's cold start runs beside it
  'doctor 10'
  'tests-network 60'
  'tests-operations 80'
  'sanitizer 90'
  'tests-learning 60'
)
training=(
  'doctor 10'
  'ceilings 15'
  'training-1 80' # engines are measured here, once
  'pytorch-training-1 60'
  'training-2 20'
  'pytorch-training-2 40'
  'training-128 60'
  'pytorch-training-128 60'
  'profile 20'
)
rest=(
  'doctor 10'
  'ceilings 15'
  'inference-1 70' # engines are measured here, once
  'pytorch-inference-1 40'
  'inference-2 15'
  'pytorch-inference-2 30'
  'inference-batches 60'
  'tf32 60'
  'float32 60'
  'agreement 40'
  'agreement-few 50'
  'training-again 15'
  'node 30'
)
# For these there is time only where others have left enough over, or DEEPYEAST_BENCH_SECONDS gives it.
training_further=('pytorch-tuned 180')
rest_further=('pytorch-inference-batches 30')
longest=540

usage() {
  sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}
part=${1:-}
case $part in
  parity) budget=("${parity[@]}") further=() ;;
  training) budget=("${training[@]}") further=("${training_further[@]}") ;;
  rest) budget=("${rest[@]}") further=("${rest_further[@]}") ;;
  *) usage ;;
esac
shift
dry=no
[ "${1:-}" != --dry-run ] || { dry=yes; shift; }
[ $# -le 1 ] || usage
result=${1:-$PWD/bench/results/gpu-$part.json}
[ "${result#/}" != "$result" ] || result=$caller/$result

# seconds_of NAME: sets `least` to the seconds of a section and `after` to those of the budget's sections that follow it.
seconds_of() {
  local entry found=no
  least=0 after=0
  for entry in "${budget[@]}"; do
    [ "$found" = no ] || after=$((after + ${entry#* }))
    [ "${entry% *}" != "$1" ] || { least=${entry#* } found=yes; }
  done
  for entry in "${further[@]}"; do
    [ "${entry% *}" != "$1" ] || least=${entry#* } after=0
  done
  [ "$found" = yes ] || after=0
}

python=${DEEPYEAST_BENCH_PYTHON:-python3}
build=$(realpath -m "${DEEPYEAST_BENCH_BUILD:-build/gpu}")
library=$build/libdeepyeast_cuda.so
bench=$build/native/test/gpu_bench
tests=$build/native/test/native_tests

# The libraries that this Python has, unless others are named.
if [ -z "${DEEPYEAST_CUDA_WHEELS:-}" ]; then
  DEEPYEAST_CUDA_WHEELS=$("$python" -c 'import nvidia.cudnn, os; print(os.path.dirname(list(nvidia.cudnn.__path__)[0]))' 2>/dev/null)
  export DEEPYEAST_CUDA_WHEELS
fi
# The machine may have Ninja and no make, or the reverse.
generator=
if command -v ninja >/dev/null; then generator=Ninja; elif command -v make >/dev/null; then generator='Unix Makefiles'; fi
# A machine may have forgotten the build of the command before: then this one begins with it, and what there is no time for
# afterwards is skipped.
if [ "$part" != parity ] && { [ ! -e "$library" ] || [ ! -e "$bench" ]; }; then budget=("${parity[0]}" "${budget[@]}"); fi
builds=no
[ "${budget[0]% *}" != build ] || builds=yes
total=$reserve
for entry in "${budget[@]}"; do total=$((total + ${entry#* })); done
[ "$total" -le "$longest" ] || total=$longest
# This card's number, as 90, unless others are named, as 90a.
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d '. ')
architectures=${DEEPYEAST_CUDA_ARCHITECTURES:-}
[ -n "$architectures" ] || { [[ $capability =~ ^[0-9]+$ ]] && architectures=$capability || architectures='80;90'; }
torch_with_cuda() { "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; }
# What the JavaScript API needs and is not there, by name.
missing_of_node() {
  local missing=()
  command -v node >/dev/null || missing+=('node')
  [ -e dist/index.js ] || missing+=('dist/ (npm run build:ts)')
  [ -d node_modules ] || missing+=('node_modules/ (npm ci)')
  compgen -G 'build/Release/*.node' >/dev/null || compgen -G 'prebuilds/*/*.node' >/dev/null || missing+=('the addon (npm run build:native)')
  [ "${#missing[@]}" -eq 0 ] || { printf '%s, ' "${missing[@]}" | sed 's/, $//'; }
}

if [ "$dry" = yes ]; then
  found() { if command -v "$1" >/dev/null; then printf '  %-18s %s\n' "$1" "$(command -v "$1")"; else printf '  %-18s missing: %s\n' "$1" "$2"; fi; }
  printf 'bench/gpu/run.sh %s would write %s\n\nthis machine\n' "$part" "$result"
  if [ -n "$capability" ]; then printf '  %-18s compute capability %s\n' card "$capability"; else printf '  %-18s missing: nothing can be run, the command would end with status 4\n' card; fi
  if [ "$builds" = yes ]; then
    found nvcc 'the build would fail'
    found cmake 'the build would fail'
    printf '  %-18s %s\n' generator "${generator:-missing: neither ninja nor make, the build would fail}"
    printf '  %-18s %s\n' 'nvidia folder' "${DEEPYEAST_CUDA_WHEELS:-none: cuDNN and cuBLAS must be the system or CUDA_HOME has them}"
    [ "$part" != parity ] || found compute-sanitizer 'section sanitizer is skipped'
  else
    printf '  %-18s %s\n' built "$library"
  fi
  if torch_with_cuda; then printf '  %-18s %s\n' PyTorch "$python"; else printf '  %-18s missing: sections pytorch-*, ceilings and agreement* are skipped\n' PyTorch; fi
  if [ "$part" = rest ]; then missing=$(missing_of_node); printf '  %-18s %s\n' JavaScript "${missing:+section node is skipped without }${missing:-measured}"; fi
  printf '\n%-32s %s\n' section 'seconds it is sure to have'
  for entry in "${budget[@]}"; do printf '%-32s %5d\n' "${entry% *}" "${entry#* }"; done
  printf '%-32s %5d\n%-32s %5d of at most %d\n' 'between them' "$reserve" total "$total" "$longest"
  [ "$builds" = no ] || [ "$part" = parity ] || printf 'nothing is built in %s, so this command builds first; the last sections may find no time\n' "$build"
  for entry in ${further[@]+"${further[@]}"}; do printf '%-32s %5d where time is left\n' "${entry% *}" "${entry#* }"; done
  [ "$builds" = no ] || printf '\n  cmake -S . -B %s -G %q -DDEEPYEAST_CUDA=on -DDEEPYEAST_CUDA_ARCHITECTURES=%q ...\n  cmake --build %s --parallel %d --target deepyeast_cuda native_tests gpu_bench\n' \
    "$build" "${generator:-?}" "$architectures" "$build" "$(nproc)"
  exit 0
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The engines that one command has measured, and PyTorch's compiled kernels, serve the next one.
export DEEPYEAST_CACHE=$build/cache TORCHINDUCTOR_CACHE_DIR=$build/inductor
failures=()
total=${DEEPYEAST_BENCH_SECONDS:-$total}
end=$((SECONDS + total))
mkdir -p "$(dirname "$result")" "$scratch/sections"
started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)

# keep NAME < JSON: one line of JSON under a name of the result.
keep() {
  cat >"$scratch/sections/$1.json"
  write
}

# The result so far, by the shell alone: sections are objects, lines that are no JSON have become errors before.
write() {
  {
    printf '{"part":"%s","started":"%s","seconds":%d,"commit":"%s"' "$part" "$started" "$SECONDS" "$commit"
    local section name
    for section in "$scratch"/sections/*.json; do
      [ -e "$section" ] || continue
      name=${section##*/}
      printf ',\n"%s":%s' "${name%.json}" "$(<"$section")"
    done
    printf '}\n'
  } >"$result.tmp" && mv "$result.tmp" "$result"
}

# Any text as a JSON string.
quoted() { printf '"%s"' "$(printf '%s' "$1" | tr '\n\t' '  ' | LC_ALL=C tr -cd '\40-\176' | cut -c1-800 | sed 's/[\\"]/\\&/g')"; }

# skip NAME REASON: says and records why a section was not run.
skip() {
  printf '== %s: skipped, %s\n' "$1" "$2" >&2
  printf '{"error":%s}' "$(quoted "skipped: $2")" | keep "$1"
}

# begin NAME: sets `allowed` to the seconds that a section may take; false, with the reason kept, where too few are left.
begin() {
  local name=$1 left=$((end - SECONDS)) least after spare
  seconds_of "$name"
  if [ "$left" -lt "$least" ]; then
    skip "$name" "it may need $least s, $left s are left of $total (DEEPYEAST_BENCH_SECONDS gives more)"
    return 1
  fi
  spare=$((left - least - after))
  [ "$spare" -gt 0 ] || spare=0
  [ "$spare" -lt $((2 * least)) ] || spare=$((2 * least))
  allowed=$((least + spare))
  printf '== %s\n' "$name" >&2
}

# measure NAME COMMAND...: keeps what a command prints: lines of a name, a tab and JSON under that name with $suffix after it,
# a line of JSON alone under NAME. Where it failed, NAME says why.
suffix=
measure() {
  local name=$1 status=0 line kept=no
  shift
  begin "$name" || return 1
  timeout --kill-after=5 "$allowed" "$@" >"$scratch/output" 2>"$scratch/stderr" || status=$?
  while IFS= read -r line; do
    case $line in
      [a-z]*$'\t{'*'}')
        printf '%s' "${line#*$'\t'}" | keep "${line%%$'\t'*}$suffix"
        kept=yes
        ;;
      '{'*'}')
        printf '%s' "$line" | keep "$name"
        kept=yes
        ;;
    esac
  done <"$scratch/output"
  if [ "$status" -eq 124 ] || [ "$status" -eq 137 ] || [ "$kept" = no ]; then
    local reason="exit status $status"
    [ "$status" -ne 124 ] && [ "$status" -ne 137 ] || reason="stopped after $allowed s"
    printf '{"error":%s}' "$(quoted "$reason: $(tail -n 3 "$scratch/stderr")")" | keep "$name"
    [ "$status" -ne 0 ] || status=1
  fi
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

# --- build, for this card only ---
build_all() {
  [ -n "$generator" ] || { echo 'error: neither ninja nor make was found' >&2; return 1; }
  # A folder that another generator has configured cannot be configured by this one.
  ! grep -qs "^CMAKE_GENERATOR:INTERNAL=" "$build/CMakeCache.txt" || grep -qs "^CMAKE_GENERATOR:INTERNAL=$generator$" "$build/CMakeCache.txt" || rm -rf "$build"
  cmake -S . -B "$build" -G "$generator" -DCMAKE_BUILD_TYPE=Release -DDEEPYEAST_TESTS=ON -DDEEPYEAST_CUDA=on \
    "-DDEEPYEAST_CUDA_ARCHITECTURES=$architectures" "-DDEEPYEAST_CUDA_WHEELS=$DEEPYEAST_CUDA_WHEELS" &&
    timeout "$allowed" cmake --build "$build" --parallel "$(nproc)" --target deepyeast_cuda native_tests gpu_bench
}
build_section() {
  local started_at=$SECONDS preparing status reason
  begin build || stop 'there is no time for the build'
  printf '   for %s in %s\n' "$architectures" "$build" >&2
  # What torch.compile makes is on disk when its times are taken. It needs the card, so nothing else runs on it meanwhile.
  timeout --kill-after=5 "$allowed" "$python" bench/gpu/pytorch.py prepare >"$scratch/prepare" 2>&1 &
  preparing=$!
  build_all >"$scratch/build.log" 2>&1
  status=$?
  if [ "$status" -ne 0 ]; then
    kill "$preparing" 2>/dev/null
    reason=$(grep -E 'rror' "$scratch/build.log" | tail -n 3)
    [ "$status" -ne 124 ] || reason="stopped after $((SECONDS - started_at)) s; started again, it goes on from there"
    printf '{"error":%s}' "$(quoted "$reason")" | keep build
    tail -n 20 "$scratch/build.log" >&2
    stop 'the build failed'
  fi
  printf '{"seconds":%d,"architectures":"%s","generator":"%s"}' $((SECONDS - started_at)) "$architectures" "$generator" | keep build
  # It has the build's time and no more.
  seconds_of build
  while kill -0 "$preparing" 2>/dev/null && [ $((SECONDS - started_at)) -lt "$least" ]; do sleep 0.2; done
  kill "$preparing" 2>/dev/null
  wait "$preparing" 2>/dev/null
}
[ "$builds" = no ] || build_section

measure doctor "$bench" "$library" doctor || stop "CUDA cannot be used: $(cat "$scratch/sections/doctor.json")"

# --- correctness ---
# test_section NAME COMMAND...: the last line of a test program, and what failed.
test_section() {
  local name=$1 began status=0
  shift
  begin "$name" || return
  began=$SECONDS
  # The tests have no time to measure many engines, and their plans are not those of the measurements.
  DEEPYEAST_CUDA_ENGINES=1 DEEPYEAST_CACHE=$scratch/tests DEEPYEAST_TEST_CUDA=$library timeout --kill-after=5 "$allowed" "$@" >"$scratch/tests.log" 2>&1 || status=$?
  local failed
  failed=$(grep -E '^FAIL|^========= [A-Z]' "$scratch/tests.log" | head -n 20)
  [ "$status" -ne 124 ] && [ "$status" -ne 137 ] || failed="stopped after $allowed s: $failed"
  [ -z "$failed" ] || printf '%s\n' "$failed" >&2
  printf '{"status":%d,"seconds":%d,"summary":%s,"values":%s,"failed":%s}' "$status" $((SECONDS - began)) \
    "$(quoted "$(tail -n 1 "$scratch/tests.log")")" "$(quoted "$(grep -E '^     ' "$scratch/tests.log")")" \
    "$(quoted "$failed")" | keep "$name"
  [ "$status" -eq 0 ] || failures+=("$name")
}

torch=no
if torch_with_cuda; then torch=yes; fi
[ "$torch" = yes ] || [ "$part" = parity ] || skip pytorch 'no PyTorch with CUDA was found, so there is nothing to compare with and the ceilings are not known (DEEPYEAST_BENCH_PYTHON names another Python)'
against() { [ "$torch" = yes ] && measure "$@"; }

sanitize() {
  seconds_of sanitizer
  if ! command -v compute-sanitizer >/dev/null; then
    skip sanitizer 'compute-sanitizer was not found'
  elif [ $((end - SECONDS)) -lt "$least" ]; then
    skip sanitizer 'no time was left'
  elif ! timeout 20 compute-sanitizer --report-api-errors no "$bench" "$library" doctor >"$scratch/sanitizer.log" 2>&1; then
    skip sanitizer "compute-sanitizer refuses this device: $(tail -n 2 "$scratch/sanitizer.log")"
  else
    # Calls that fail and are answered, as an engine that turns out not to work, are no findings.
    test_section sanitizer compute-sanitizer --report-api-errors no --error-exitcode 9 "$tests" small_cuda_has small_cuda_trains small_cuda_stops
  fi
}

# --- speed; ours and PyTorch's in turn ---
# value SECTION FIELD: the first number of that name, on a line; nothing where there is none.
value() {
  local number="\"$2\": *([-0-9.e+]+)"
  [ ! -e "$scratch/sections/$1.json" ] || [[ ! $(<"$scratch/sections/$1.json") =~ $number ]] || printf '%s\n' "${BASH_REMATCH[1]}"
}
# ours NAME PRECISION ARGUMENTS...: with the ceilings of that precision, where they are known.
ours() {
  local name=$1 precision=$2
  shift 2
  measure "$name" "$bench" "$library" "$@" "--matrix=$(value ceilings "${precision}TeraflopsPerSecond")" \
    "--copy=$(value ceilings copyGigabytesPerSecond)"
}
clocks() { exec nvidia-smi --query-gpu=clocks.sm,clocks.mem,power.draw,temperature.gpu --format=csv,noheader -lms 250 >"$scratch/clocks" 2>/dev/null; }
# with_clocks NAME COMMAND...: records the card's clocks while a command runs.
with_clocks() {
  local sampler name=$1
  shift
  : >"$scratch/clocks"
  clocks &
  sampler=$!
  "$@"
  kill "$sampler" 2>/dev/null
  wait "$sampler" 2>/dev/null
  # The process ends with some hundred milliseconds of giving memory back.
  printf '{"clocks.sm,clocks.mem,power.draw,temperature":%s}' "$(quoted "$(tail -n 4 "$scratch/clocks" | head -n 1)")" | keep "clocks-in-$name"
}
# Rounds: ours and PyTorch's in turn.
train_round() {
  suffix=-$1
  with_clocks "training-$1" ours "training-$1" bfloat16 training bfloat16 100 200
  against "pytorch-training-$1" "$python" bench/gpu/pytorch.py training bfloat16 "$2" 100 100
  suffix=
}
infer_round() {
  suffix=-$1
  ours "inference-$1" bfloat16 inference bfloat16 1000
  against "pytorch-inference-$1" "$python" bench/gpu/pytorch.py inference bfloat16 compiled $2
  suffix=
}

# A training step's gradients against double precision: no worse than 1.5 times PyTorch's. With the engines whose speed is
# reported; then, among the plans of its own, with the first that cuDNN names.
agreement() {
  local name=$1 steps=$scratch/steps
  shift
  mkdir -p "$steps"
  suffix=${name#agreement}
  against "$name" env "$@" bash -c '
    "$1" "$2" gradients bfloat16 100 "$3/bfloat16.safetensors" + gradients tf32 100 "$3/tf32.safetensors" \
      + gradients float32 100 "$3/float32.safetensors" >"$3/log" 2>&1 || { tail -n 1 "$3/log" >&2; exit 1; }
    exec "$4" bench/gpu/agreement.py "$3" bfloat16 tf32 float32' agreement "$bench" "$library" "$steps" "$python"
  suffix=
  rm -rf "$steps"
}

# PyTorch sees the same images.
if [ "$part" != parity ] && "$bench" cpu images - 1000 "$scratch/images.safetensors" >/dev/null 2>"$scratch/stderr"; then
  export DEEPYEAST_BENCH_IMAGES=$scratch/images.safetensors
fi

case $part in
  parity)
    test_section tests-network "$tests" small_cuda
    test_section tests-operations "$tests" -small_cuda -learns
    sanitize
    test_section tests-learning "$tests" learns
    ;;
  training)
    against ceilings "$python" bench/gpu/pytorch.py ceilings
    train_round 1 compiled,eager
    train_round 2 compiled
    # Batches of 128 fill the waves of the last block's convolutions to 97% instead of 76%.
    ours training-128 bfloat16 training bfloat16 128 200
    against pytorch-training-128 "$python" bench/gpu/pytorch.py training bfloat16 compiled 128 100
    ours profile bfloat16 profile bfloat16 100
    against pytorch-tuned "$python" bench/gpu/pytorch.py training bfloat16 tuned 100 100
    ;;
  rest)
    against ceilings "$python" bench/gpu/pytorch.py ceilings
    infer_round 1 '1000 10000'
    infer_round 2 1000
    ours inference-batches bfloat16 inference bfloat16 1 + inference bfloat16 100 + inference bfloat16 4000 + inference bfloat16 10000
    for precision in tf32 float32; do
      ours "$precision" "$precision" training "$precision" 100 50 + profile "$precision" 100 + inference "$precision" 1000
    done
    agreement agreement
    agreement agreement-few DEEPYEAST_CUDA_ENGINES=1 DEEPYEAST_CACHE="$scratch/few"
    missing=$(missing_of_node)
    if [ -z "$missing" ]; then
      ours training-again bfloat16 training bfloat16 100 100
      DEEPYEAST_CUDA_LIBRARY=$library measure node node bench/gpu/node.js bfloat16 100 200 4000
    else
      skip node "without $missing there is no JavaScript API to measure"
    fi
    against pytorch-inference-batches "$python" bench/gpu/pytorch.py inference bfloat16 compiled 100 1
    ;;
esac

# --- memory over many iterations ---
if [ "$part" = rest ] && [[ ${DEEPYEAST_BENCH_ENDURANCE:-} =~ ^[1-9][0-9]*$ ]]; then
  further+=("endurance $((120 + DEEPYEAST_BENCH_ENDURANCE / 50))") # 20 ms an iteration
  seconds_of endurance
  end=$((SECONDS + least))
  measure endurance "$bench" "$library" endurance bfloat16 100 "$DEEPYEAST_BENCH_ENDURANCE"
fi

# --- the table ---
# least FIELD NAME...: of those sections that have it.
least() {
  local field=$1 name
  shift
  for name in "$@"; do value "$name" "$field"; done | sort -g | head -n 1
}
sections() { (cd "$scratch/sections" && ls) | sed -n "s/^\($1\)\.json$/\1/p"; }
ours=$(least msPerIteration $(sections 'training-bfloat16-100\(-[12]\)\{0,1\}'))
theirs=$(least msPerIteration $(sections 'pytorch-training-bfloat16-[a-z]*-100\(-[12]\)\{0,1\}'))
inference=$(least msPerCall $(sections 'inference-bfloat16-1000-[12]'))
their_inference=$(least msPerCall $(sections 'pytorch-inference-bfloat16-[a-z]*-1000-[12]'))
awk -v ours="$ours" -v theirs="$theirs" -v inference="$inference" -v their_inference="$their_inference" \
  -v node="$(value node-training-bfloat16-100 msPerIteration)" \
  -v node_inference="$(value node-inference-bfloat16-4000 msPerCall)" -v inference_4000="$(value inference-bfloat16-4000 msPerCall)" '
  function put(name, number) { if (number != "") printf "%s\"%s\":%.4f", (some++ ? "," : ""), name, number }
  BEGIN {
    printf "{"
    put("trainingMs", ours)
    if (ours && theirs) put("trainingTimesPytorch", theirs / ours)
    if (inference) put("inferenceImagesPerSecond", 1e6 / inference)
    if (inference && their_inference) put("inferenceTimesPytorch", their_inference / inference)
    if (node && ours) put("javascriptOverCxxInTraining", node / ours)
    if (node_inference && inference_4000) put("javascriptOverCxxInInference", node_inference / inference_4000)
    printf "}"
  }' </dev/null | keep summary
printf '\n%-52s %12s %14s %10s %10s\n' measurement 'ms' 'images/s' 'of products' 'of copies'
for name in $(sections '[a-z0-9-]*\(training\|inference\)-\(bfloat16\|tf32\|float32\)-[a-z0-9-]*'); do
  ms=$(value "$name" msPerIteration)
  [ -n "$ms" ] || ms=$(value "$name" msPerCall)
  printf '%-52s %12s %14s %10s %10s\n' "$name" "${ms:-none}" "$(value "$name" imagesPerSecond)" \
    "$(value "$name" shareOfMatrixCeiling)" "$(value "$name" shareOfCopyCeiling)"
done
printf '%-52s %12s TFLOP/s, copies %s GB/s\n' "the card's ceilings: products, bfloat16" \
  "$(value ceilings bfloat16TeraflopsPerSecond)" "$(value ceilings copyGigabytesPerSecond)"
# The operations of a step, the longest first, with the share of the ceiling that bounds each.
if [ -e "$scratch/sections/profile-bfloat16-100.json" ]; then
  printf '\n%-52s %12s %14s %10s\n' 'operation of a step, bfloat16' ms 'of the step' 'of ceiling'
  sed 's/.*"operations":\[//; s/\],"plans".*//; s/},{/\n/g' "$scratch/sections/profile-bfloat16-100.json" | awk '
    function field(name,   text) {
      if (!match($0, "\"" name "\":[^,}]*")) return ""
      text = substr($0, RSTART, RLENGTH); sub(/^[^:]*:/, "", text); gsub(/"/, "", text); return text
    }
    match($0, /"name":"[^"]*"/) {
      name = substr($0, RSTART + 8, RLENGTH - 9)
      bound = field("boundBy")
      share = field(bound == "products" ? "shareOfMatrixCeiling" : "shareOfCopyCeiling")
      if (field("share") >= 0.01) printf "%-52s %12s %14s %10s %s\n", name, field("ms"), field("share"), share, bound
    }'
fi
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
if [ -e "$scratch/sections/endurance-bfloat16-100.json" ]; then
  printf '%-52s %12s %14s\n' 'growth of memory in training, bytes: device, host' "$(value endurance-bfloat16-100 deviceGrowthBytes)" "$(value endurance-bfloat16-100 hostGrowthBytes)"
fi
[ "${#failures[@]}" -eq 0 ] || printf '\nfailed: %s\n' "${failures[*]}"
printf '\nwritten: %s\n' "$result"
[ "${#failures[@]}" -eq 0 ]
