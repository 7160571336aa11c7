// What calls give back to JavaScript, and what they leave behind.
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

// Of a call without a result.
WorkQueue::Settle nothing();

// Hands memory that was freed back to the system. Each worker thread allocates from an arena of its own; without this
// glibc keeps what is freed there, a few megabytes a thread, and a process that opens and closes networks or forests
// seems to leak.
void return_freed_memory();

}  // namespace deepyeast
