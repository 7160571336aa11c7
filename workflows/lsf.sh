#!/bin/bash
# A screen on LSF: an array whose jobs are numbered from 1, and the merge when all of them have ended.
#
#   deepyeast screen plan PLATE ... --out results --shards 16
#   workflows/lsf.sh results 16
set -euo pipefail
results=${1:?usage: lsf.sh RESULTS SHARDS}
shards=${2:?usage: lsf.sh RESULTS SHARDS}
deepyeast=${DEEPYEAST:-deepyeast}
export results deepyeast
bsub -J "deepyeast[1-$shards]" -n 4 -R 'span[hosts=1] rusage[mem=4000]' -W 1:00 -r \
  'DEEPYEAST_THREADS=4 $deepyeast screen run "$results" --shard $((LSB_JOBINDEX - 1))'
bsub -J deepyeast-merge -w 'ended(deepyeast)' -W 1:00 '$deepyeast screen merge "$results"'
