// JavaScript's lockFile(path): src/native/addon.ts, NativeFileLock.
#pragma once

#include <napi.h>

namespace deepyeast {

// lockFile(path): an object with release(), or null when the lock is held elsewhere.
Napi::Value lock_file(const Napi::CallbackInfo& info);

}  // namespace deepyeast
