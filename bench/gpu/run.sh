#!/usr/bin/env bash
# Builds the CUDA library for this machine's card, tests it on the card, and measures it against PyTorch.
#
# Three commands, each of less than ten minutes, in this order:
#
#   bench/gpu/run.sh build    [RESULT.json]   builds, and tests every operation, the network and learning on the card
#   bench/gpu/run.sh training [RESULT.json]   training and inference in bfloat16, PyTorch beside them, a step's profile
#   bench/gpu/run.sh rest     [RESULT.json]   batch 128, TF32, float32, other batches, gradients against PyTorch's, Node
#   bench/gpu/run.sh PART --dry-run           what a part would run and for how long, and what this machine has for it
#
# RESULT.json is bench/results/gpu.json unless it is given. The commands share the build folder (DEEPYEAST_BENCH_BUILD, default
# build/gpu), where plans and results are kept too: each command's JSON holds the sections of those before it. A command that
# finds no build there makes one first.
#
# Needs nvcc, cuDNN 9, cuBLAS and NVRTC (the system's, CUDA_HOME's, or pip's nvidia folder: DEEPYEAST_CUDA_WHEELS) and
# CMake with a C++ compiler; no network. With a Python that has PyTorch (DEEPYEAST_BENCH_PYTHON, default python3) it is
# compared with that and held against the card's measured ceilings; with Node and a built package it is measured through
# the JavaScript API as well.
#
# DEEPYEAST_BENCH_SECONDS=1500 gives the last part time for PyTorch's other variants too. DEEPYEAST_BENCH_NODE=off leaves Node
# out; otherwise dist, node_modules and the addon have to be carried to the machine. DEEPYEAST_BENCH_ENDURANCE=ITERATIONS trains
# as many iterations after the last part, whatever time they take (an hour's worth: 3600 s over what an iteration takes), and
# records memory at each tenth.
#
# The JSON is written anew after each section; what could not be measured stands there with the reason. Exits with 0 when all
# that ran went well, 1 when a test failed or a measurement did, 4 where CUDA cannot be used.
set -uo pipefail
cd "$(dirname "$0")/../.."

total=540
reserve=15 # for what is between the sections
part=${1:-}
# Sections in the order of what they tell, with the seconds that each is sure to have: together at most total - reserve. A
# section may take up to three times as many where others have left time over; one that has not enough left is skipped.
case $part in
  build)
    budget=(
      'build 200' # for one architecture, on all cores
      'doctor 8'
      'tests-network 60'
      'tests-operations 60'
      'tests-learning 60'
      'sanitizer 90' # it slows the tests down ten times and more
    )
    ;;
  training)
    budget=(
      'build 120' # nothing to do after the first command; torch.compile's cold start runs beside it
      'doctor 8'
      'ceilings 15'
      'training-1 60' # engines are timed here, once
      'pytorch-training-1 90'
      'inference-1 45' # here too
      'pytorch-inference-1 60'
      'training-2 10'
      'pytorch-training-2 25'
      'inference-2 10'
      'pytorch-inference-2 20'
      'profile 12'
    )
    ;;
  rest)
    budget=(
      'build 120'
      'doctor 8'
      'training-128 40'
      'tf32 60'
      'float32 60'
      'inference-batches 60'
      'agreement-tuned 50' # after the timings, with the engines that were timed
      'agreement 50'       # with cuDNN's first engine, whose plans are kept apart
      'node 40'
    )
    ;;
  *)
    echo "usage: bench/gpu/run.sh build|training|rest [RESULT.json | --dry-run]" >&2
    exit 2
    ;;
esac
# For these there is time only where others have left enough over, or DEEPYEAST_BENCH_SECONDS gives it.
further=()
[ "$part" != rest ] || further=(
  'pytorch-inference-batches 30'
  'pytorch-tuned 180'
)

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
# The machine may have ninja and no make, or ninja as a Python package only.
ninja_folder=$("$python" -c 'import ninja; print(ninja.BIN_DIR)' 2>/dev/null)
[ ! -d "$ninja_folder" ] || PATH=$PATH:$ninja_folder
if command -v ninja >/dev/null; then
  generator=Ninja
elif command -v make >/dev/null; then
  generator='Unix Makefiles'
else
  generator=
fi

if [ "${2:-}" = --dry-run ]; then
  declare -A does=(
    [build]="cmake and $([ -n "$generator" ] && echo "$generator" || echo 'no generator: ninja or make is missing') in $build"
    [doctor]='versions, devices and libraries found'
    [tests-network]='native_tests small_cuda: a small network trains, resumes, predicts'
    [tests-operations]='native_tests: every operation against double precision'
    [tests-learning]='native_tests learns: 300 iterations beside the CPU'
    [sanitizer]='compute-sanitizer on a small network'
    [ceilings]='the card'\''s ceilings, by PyTorch'
    [training-1]='ours, bfloat16, batch 100; chooses engines' [training-2]='ours once more'
    [pytorch-training-1]='PyTorch, compiled and eager' [pytorch-training-2]='PyTorch, compiled'
    [inference-1]='ours, bfloat16, 1,000 images; chooses engines' [inference-2]='ours once more'
    [pytorch-inference-1]='PyTorch, 1,000 and 10,000 images' [pytorch-inference-2]='PyTorch, 1,000 images'
    [profile]='each operation of a step'
    [training-128]='ours, bfloat16, batch 128'
    [tf32]='training, profile and inference in TF32' [float32]='training, profile and inference in float32'
    [inference-batches]='1, 100, 4,000 and 10,000 images'
    [agreement-tuned]='gradients against double precision and PyTorch'\''s, with the engines that were timed'
    [agreement]='the same with cuDNN'\''s first engine'
    [node]='the JavaScript API (dist, node_modules and the addon must be there)'
    [pytorch-inference-batches]='PyTorch, 1 and 100 images' [pytorch-tuned]='PyTorch, max-autotune'
  )
  for entry in "${budget[@]}"; do printf '%-26s %4d s  %s\n' "${entry% *}" "${entry#* }" "${does[${entry% *}]}"; done
  printf '%s\n' "${budget[@]}" "between $reserve" | awk '{ sum += $2 } END { print "total", sum, "s of at most '"$total"'" }'
  for entry in "${further[@]}"; do printf '%-26s %4d s  where time is left: %s\n' "${entry% *}" "${entry#* }" "${does[${entry% *}]}"; done
  printf '\nhere:\n'
  for tool in nvidia-smi nvcc cmake ninja make "$python" node compute-sanitizer; do
    printf '  %-20s %s\n' "${tool##*/}" "$(command -v "$tool" || echo 'not found')"
  done
  for module in torch nvidia.cudnn; do
    printf '  %-20s %s\n' "$module" "$("$python" -c "import importlib.util as i; print('in Python' if i.find_spec('$module') else 'not in Python')" 2>/dev/null || echo 'not in Python')"
  done
  for path in "$build/libdeepyeast_cuda.so" dist/index.js node_modules; do
    printf '  %-20s %s\n' "${path##*/}" "$([ -e "$path" ] && echo "$path" || echo 'not there')"
  done
  exit 0
fi

result=${2:-bench/results/gpu.json}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Plans, PyTorch's compiled kernels and the sections' results are kept from one command to the next; the first starts anew.
state=$build/bench
[ "$part" != build ] || rm -rf "$state"
export DEEPYEAST_CACHE=$state/cache TORCHINDUCTOR_CACHE_DIR=$state/inductor
failures=()
end=$((SECONDS + ${DEEPYEAST_BENCH_SECONDS:-$total}))
mkdir -p "$(dirname "$result")" "$state/sections"
# What this part has told before is told anew.
if [ -e "$state/$part.names" ]; then
  while IFS= read -r name; do rm -f "$state/sections/$name.json"; done <"$state/$part.names"
  rm "$state/$part.names"
fi
started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)

# keep NAME < JSON: one line of JSON under a name of the result.
keep() {
  cat >"$state/sections/$1.json"
  printf '%s\n' "$1" >>"$state/$part.names"
  write
}

# The result so far, by the shell alone: sections are objects, lines that are no JSON have become errors before.
write() {
  {
    printf '{"started":"%s","seconds":%d,"commit":"%s"' "$started" "$SECONDS" "$commit"
    local section name
    for section in "$state"/sections/*.json; do
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
    skip "$name" "it may need $least s, $left s are left of ${DEEPYEAST_BENCH_SECONDS:-$total} (DEEPYEAST_BENCH_SECONDS gives more)"
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

# The libraries that this Python has, unless others are named.
if [ -z "${DEEPYEAST_CUDA_WHEELS:-}" ]; then
  DEEPYEAST_CUDA_WHEELS=$("$python" -c 'import nvidia.cudnn, os; print(os.path.dirname(list(nvidia.cudnn.__path__)[0]))' 2>/dev/null)
  export DEEPYEAST_CUDA_WHEELS
fi

# --- build, for this card only ---
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d '. ')
architectures=${DEEPYEAST_CUDA_ARCHITECTURES:-}
[ -n "$architectures" ] || { [[ $capability =~ ^[0-9]+$ ]] && architectures=$capability || architectures='80;90'; }
choose_generator=()
[ -e "$build/CMakeCache.txt" ] || choose_generator=(-G "$generator")
build_all() {
  # A folder that was configured before keeps its generator.
  [ -e "$build/CMakeCache.txt" ] || [ -n "$generator" ] || { echo 'error: neither ninja nor make was found' && return 1; }
  cmake -S . -B "$build" "${choose_generator[@]}" -DCMAKE_BUILD_TYPE=Release -DDEEPYEAST_TESTS=ON -DDEEPYEAST_CUDA=on \
    "-DDEEPYEAST_CUDA_ARCHITECTURES=$architectures" "-DDEEPYEAST_CUDA_WHEELS=$DEEPYEAST_CUDA_WHEELS" &&
    timeout "$allowed" cmake --build "$build" --parallel "$(nproc)" --target deepyeast_cuda native_tests gpu_bench
}
started_at=$SECONDS
begin build || stop 'there is no time for the build'
printf '   for %s in %s\n' "$architectures" "$build" >&2
# What torch.compile makes is on disk when its times are taken. It needs the card, so nothing else runs on it meanwhile.
preparing=
if [ "$part" = training ]; then
  timeout --kill-after=5 "$allowed" "$python" bench/gpu/pytorch.py prepare >"$scratch/prepare" 2>&1 &
  preparing=$!
fi
build_all >"$scratch/build.log" 2>&1
status=$?
if [ "$status" -ne 0 ]; then
  [ -z "$preparing" ] || kill "$preparing" 2>/dev/null
  reason=$(grep -E 'rror' "$scratch/build.log" | tail -n 3)
  [ "$status" -ne 124 ] || reason="stopped after $((SECONDS - started_at)) s; started again, it goes on from there"
  printf '{"error":%s}' "$(quoted "$reason")" | keep build
  tail -n 20 "$scratch/build.log" >&2
  stop 'the build failed'
fi
printf '{"seconds":%d,"architectures":"%s"}' $((SECONDS - started_at)) "$architectures" | keep build
library=$build/libdeepyeast_cuda.so
bench=$build/native/test/gpu_bench
tests=$build/native/test/native_tests
# It has the build's time and no more.
if [ -n "$preparing" ]; then
  seconds_of build
  while kill -0 "$preparing" 2>/dev/null && [ $((SECONDS - started_at)) -lt "$least" ]; do sleep 0.2; done
  kill "$preparing" 2>/dev/null
  wait "$preparing" 2>/dev/null
fi
# The cells that ours is measured on, for PyTorch too.
images=$scratch/images.safetensors
"$bench" "$library" images "$images" >/dev/null 2>&1 || images=

measure doctor "$bench" "$library" doctor || stop "CUDA cannot be used: $(cat "$state/sections/doctor.json")"

# --- correctness ---
# test_section NAME COMMAND...: the last line of a test program, and what failed.
test_section() {
  local name=$1 began status=0
  shift
  begin "$name" || return
  began=$SECONDS
  DEEPYEAST_CUDA_ENGINES=1 DEEPYEAST_TEST_CUDA=$library timeout --kill-after=5 "$allowed" "$@" >"$scratch/tests.log" 2>&1 || status=$?
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
[ "$part" != build ] || torch=unasked
if [ "$torch" = no ] && "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then torch=yes; fi
[ "$torch" != no ] || skip pytorch 'no PyTorch with CUDA was found, so there is nothing to compare with and the ceilings are not known (DEEPYEAST_BENCH_PYTHON names another Python)'
against() { [ "$torch" = yes ] && measure "$@"; }

if [ "$part" = build ]; then
  test_section tests-network "$tests" small_cuda
  test_section tests-operations "$tests" -small_cuda -learns
  test_section tests-learning "$tests" learns
  seconds_of sanitizer
  if ! command -v compute-sanitizer >/dev/null; then
    skip sanitizer 'compute-sanitizer was not found'
  elif [ $((end - SECONDS)) -lt "$least" ]; then
    skip sanitizer 'no time was left'
  elif ! timeout 30 compute-sanitizer --report-api-errors no "$bench" "$library" doctor >"$scratch/sanitizer.log" 2>&1; then
    skip sanitizer "compute-sanitizer refuses this device: $(tail -n 2 "$scratch/sanitizer.log")"
  else
    test_section sanitizer compute-sanitizer --report-api-errors no --error-exitcode 9 "$tests" small_cuda_has small_cuda_trains small_cuda_stops
  fi
fi

# --- speed; ours and PyTorch's in turn ---
# value SECTION FIELD: the first number of that name, on a line; nothing where there is none.
value() {
  local number="\"$2\": *([-0-9.e+]+)"
  [ ! -e "$state/sections/$1.json" ] || [[ ! $(<"$state/sections/$1.json") =~ $number ]] || printf '%s\n' "${BASH_REMATCH[1]}"
}
[ "$part" != training ] || against ceilings "$python" bench/gpu/pytorch.py ceilings
# ours NAME PRECISION ARGUMENTS...: with the ceilings of that precision, where they are known.
ours() {
  local name=$1 precision=$2
  shift 2
  measure "$name" "$bench" "$library" "$@" "--matrix=$(value ceilings "${precision}TeraflopsPerSecond")" \
    "--copy=$(value ceilings copyGigabytesPerSecond)"
}
clocks() { exec nvidia-smi --query-gpu=clocks.sm,clocks.mem,power.draw,temperature.gpu --format=csv,noheader -lms 250 >"$scratch/clocks" 2>/dev/null; }
# round NUMBER MODES BATCHES: PyTorch's modes and batches; ours are the same in every round.
round() {
  local sampler number=$1
  suffix=-$number
  : >"$scratch/clocks"
  clocks &
  sampler=$!
  ours "training-$number" bfloat16 training bfloat16 100 200
  kill "$sampler" 2>/dev/null
  wait "$sampler" 2>/dev/null
  # The process ends with some hundred milliseconds of giving memory back.
  printf '{"clocks.sm,clocks.mem,power.draw,temperature":%s}' "$(quoted "$(tail -n 4 "$scratch/clocks" | head -n 1)")" | keep "clocks-in-training-$number"
  against "pytorch-training-$number" "$python" bench/gpu/pytorch.py ${images:+"--images=$images"} training bfloat16 "$2" 100 100
  ours "inference-$number" bfloat16 inference bfloat16 1000
  against "pytorch-inference-$number" "$python" bench/gpu/pytorch.py ${images:+"--images=$images"} inference bfloat16 compiled $3
  suffix=
}
if [ "$part" = training ]; then
  round 1 compiled,eager '1000 10000'
  round 2 compiled 1000
  ours profile bfloat16 profile bfloat16 100
fi

# A training step's gradients against double precision: no worse than 1.5 times PyTorch's.
# agreement NAME CACHE ENGINES: the engines that the plans in CACHE name, else the best of the first ENGINES.
agreement() {
  local steps=$scratch/steps
  mkdir -p "$steps"
  DEEPYEAST_CACHE=$2 DEEPYEAST_CUDA_ENGINES=$3 against "$1" bash -c '
    "$1" "$2" gradients bfloat16 100 "$3/bfloat16.safetensors" + gradients tf32 100 "$3/tf32.safetensors" \
      + gradients float32 100 "$3/float32.safetensors" >"$3/log" 2>&1 || { tail -n 1 "$3/log" >&2; exit 1; }
    exec "$4" bench/gpu/agreement.py "--name=$5" "$3" bfloat16 tf32 float32' agreement "$bench" "$library" "$steps" "$python" "$1"
  rm -rf "$steps"
}

if [ "$part" = rest ]; then
  ours training-128 bfloat16 training bfloat16 128 100
  for precision in tf32 float32; do
    ours "$precision" "$precision" training "$precision" 100 50 + profile "$precision" 100 + inference "$precision" 1000
  done
  ours inference-batches bfloat16 inference bfloat16 1 + inference bfloat16 100 + inference bfloat16 4000 + inference bfloat16 10000
  agreement agreement-tuned "$DEEPYEAST_CACHE" ''
  agreement agreement "$scratch/first-engines" 1
  if [ "${DEEPYEAST_BENCH_NODE:-}" = off ]; then
    skip node 'DEEPYEAST_BENCH_NODE is off'
  elif command -v node >/dev/null && [ -e dist/index.js ] && [ -d node_modules ]; then
    DEEPYEAST_CUDA_LIBRARY=$library measure node node bench/gpu/node.js bfloat16 100 200 4000
  else
    skip node 'there is no Node with a built package: node, dist, node_modules and the addon have to be there'
  fi
  against pytorch-inference-batches "$python" bench/gpu/pytorch.py ${images:+"--images=$images"} inference bfloat16 compiled 100 1
  against pytorch-tuned "$python" bench/gpu/pytorch.py ${images:+"--images=$images"} training bfloat16 tuned 100 100
fi

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
sections() { (cd "$state/sections" && ls) | sed -n "s/^\($1\)\.json$/\1/p"; }
ours=$(least msPerIteration $(sections 'training-bfloat16-100-[12]'))
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
if [ -e "$state/sections/profile-bfloat16-100.json" ]; then
  printf '\n%-52s %12s %14s %10s\n' 'operation of a step, bfloat16' ms 'of the step' 'of ceiling'
  sed 's/.*"operations":\[//; s/\],"plans".*//; s/},{/\n/g' "$state/sections/profile-bfloat16-100.json" | awk '
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
  printf '%-52s %12s %14s\n' "gradients' error over PyTorch's, $precision" "$(value "agreement-tuned-$precision" worstRatio)" '<= 1.5'
  printf '%-52s %12s %14s\n' "  with cuDNN's first engine" "$(value "agreement-$precision" worstRatio)" '<= 1.5'
done
for name in tests-network tests-operations tests-learning sanitizer; do
  [ ! -e "$state/sections/$name.json" ] || printf '%-52s %s\n' "$name" "$(sed -n 's/.*"summary":"\([^"]*\)".*/\1/p; s/.*"error":"\([^"]*\)".*/\1/p' "$state/sections/$name.json")"
done
if [ -e "$state/sections/endurance-bfloat16-100.json" ]; then
  printf '%-52s %12s %14s\n' 'growth of memory in training, bytes: device, host' "$(value endurance-bfloat16-100 deviceGrowthBytes)" "$(value endurance-bfloat16-100 hostGrowthBytes)"
fi
[ "${#failures[@]}" -eq 0 ] || printf '\nfailed: %s\n' "${failures[*]}"
printf '\nwritten: %s\n' "$result"
[ "${#failures[@]}" -eq 0 ]
