#!/usr/bin/env bash
# Checks a built libdeepyeast_cuda.so without a GPU: check-cuda-library.sh LIBRARY GPU_BENCH. What it needs, what it
# exports, that no path of this machine is in it, and that it loads and explains.
set -uo pipefail
library=$1 bench=$2 failed=0

expect() {
  if [ "$2" = "$3" ]; then return; fi
  printf '%s: found "%s", expected "%s"\n' "$1" "$2" "$3"
  failed=1
}

needed=$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sed 's/libcublasLt\.so\..*/libcublasLt.so/' | sort | tr '\n' ' ')
for name in $needed; do
  case $name in
    libcudnn.so.9 | libcublasLt.so | libc.so.6 | libm.so.6 | libdl.so.2 | librt.so.1 | libpthread.so.0 | ld-linux*) ;;
    *) expect 'dependencies' "$needed" 'cuDNN, cuBLASLt and the C library only' ;;
  esac
done
expect 'search path' "$(readelf -d "$library" | grep -cE 'RPATH|RUNPATH')" 0
expect 'exports' "$(nm -D --defined-only "$library" | awk '{print $3}' | tr '\n' ' ')" 'deepyeast_cuda '

# The largest file of code objects tells the architectures; without cuobjdump the section's presence must do.
expect 'device code' "$(readelf -S "$library" | grep -c '\.nv_fatbin')" 1

report=$("$bench" "$library" doctor)
status=$?
case $report in
  *'"loaded":true'*) ;;
  *)
    printf 'it does not load: %s\n' "$report"
    failed=1
    ;;
esac
[ "$status" -eq 0 ] || [ "$status" -eq 4 ] || expect 'status of doctor' "$status" '0 or 4'
printf '%s\n' "$report"
exit "$failed"
