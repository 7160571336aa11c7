#include "results.h"

#if defined(__linux__)
#include <malloc.h>
#endif

namespace deepyeast {

WorkQueue::Settle nothing() {
  return [](Napi::Env env) -> Napi::Value { return env.Undefined(); };
}

void return_freed_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace deepyeast
