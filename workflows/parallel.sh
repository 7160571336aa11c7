#!/bin/bash
# A screen by GNU parallel: shards on this machine, as many at once as asked, and the merge behind them. A second run goes
# on where the first one stopped.
#
#   deepyeast screen plan PLATE ... --out results --minutes 20
#   workflows/parallel.sh results 4          # four shards at once, one thread each
#
# DEEPYEAST names the command (default: deepyeast), DEEPYEAST_THREADS the threads of each shard (default: 1). For several
# machines with one file system add --sshlogin to the line of parallel.
set -euo pipefail
results=${1:?usage: parallel.sh RESULTS [SHARDS AT ONCE]}
at_once=${2:-1}
deepyeast=${DEEPYEAST:-deepyeast}
export DEEPYEAST_THREADS=${DEEPYEAST_THREADS:-1}
read -r shards plan < <(node -e '
const { shards, plan } = JSON.parse(require("node:fs").readFileSync(`${process.argv[1]}/plan.json`, "utf8"));
console.log(shards.length, plan);
' "$results")
# --resume-failed starts those again that failed before, and those that never ran.
status=0
mkdir -p "$results/shards"
seq 0 $((shards - 1)) |
  parallel --jobs "$at_once" --joblog "$results/shards/joblog" --resume-failed \
    "$deepyeast screen run $(printf %q "$results") --plan $plan --shard {}" || status=$?
# What is not complete is named by the merge.
$deepyeast screen merge "$results"
exit "$status"
