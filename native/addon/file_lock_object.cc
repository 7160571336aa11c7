#include "file_lock_object.h"

#include <memory>

#include "../system/file_lock.h"
#include "arguments.h"
#include "errors.h"

namespace deepyeast {

Napi::Value lock_file(const Napi::CallbackInfo& info) {
  return throwing(info.Env(), [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    std::shared_ptr<FileLock> lock = FileLock::acquire(string_argument(argument(info, 0), "path"));
    if (!lock) return env.Null();
    Napi::Object object = Napi::Object::New(env);
    // The function owns the lock, which is released by release(), by the garbage collector or with the process.
    object.Set("release", Napi::Function::New(env, [lock](const Napi::CallbackInfo& call) mutable {
      lock.reset();
      return call.Env().Undefined();
    }, "release"));
    return object;
  });
}

}  // namespace deepyeast
