// The results that calls return to JavaScript, and the memory that they leave behind.
#pragma once

#include <napi.h>

#include <cstring>
#include <vector>

#include "work_queue.h"

namespace deepyeast {

// A typed array with a copy of the values.
template <typename Array, typename Value>
Array copied(Napi::Env env, const std::vector<Value>& values) {
  auto array = Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(Value));
  return array;
}

// The result of a call that has none: undefined.
WorkQueue::Settle nothing();

// Returns freed memory to the operating system. Each worker thread allocates from an arena of its own, and glibc keeps a few
// megabytes of each arena: without this call, a process that opens and closes networks or forests would seem to leak.
void return_freed_memory();

}  // namespace deepyeast
