// JavaScript's inspectCuda(library, freeMemory): src/native/addon.ts, NativeCudaReport.
#pragma once

#include <napi.h>

namespace deepyeast {

Napi::Value inspect_cuda_library(const Napi::CallbackInfo& info);

}  // namespace deepyeast
