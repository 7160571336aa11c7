#!/bin/bash
# A screen on Grid Engine: an array whose tasks are numbered from 1, and the merge behind it.
#
#   deepyeast screen plan PLATE ... --out results --shards 16
#   workflows/sge.sh results 16
set -euo pipefail
results=${1:?usage: sge.sh RESULTS SHARDS}
shards=${2:?usage: sge.sh RESULTS SHARDS}
deepyeast=${DEEPYEAST:-deepyeast}
qsub -N deepyeast -t "1-$shards" -pe smp 4 -l h_rt=1:00:00 -r y -cwd -V -b y \
  bash -c "'DEEPYEAST_THREADS=\$NSLOTS $deepyeast screen run \"$results\" --shard \$((SGE_TASK_ID - 1))'"
qsub -N deepyeast-merge -hold_jid deepyeast -l h_rt=1:00:00 -cwd -V -b y "$deepyeast" screen merge "$results"
