#include "errors.h"

#include <new>
#include <system_error>

#include "../system/error.h"
#include "arguments.h"
#include "instance_data.h"

namespace deepyeast {
namespace {

Napi::Value make_error(Napi::Env env, const std::string& code, const std::string& message) {
  InstanceData* data = env.GetInstanceData<InstanceData>();
  if (data != nullptr && !data->error_class.IsEmpty()) {
    return data->error_class.New({Napi::String::New(env, code), Napi::String::New(env, message)});
  }
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error.Value();
}

}  // namespace

Napi::Value javascript_error(Napi::Env env, std::exception_ptr exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Napi::Error& error) {
    return error.Value();
  } catch (const Error& error) {
    return make_error(env, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return make_error(env, "out-of-memory",
                      "memory ran out: use a smaller batch, a smaller network or a machine with more memory");
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::resource_unavailable_try_again) return make_error(env, "internal", error.what());
    return make_error(env, "out-of-memory",
                      "the system gives this process no further thread: close networks, or raise its limits "
                      "(ulimit -u, ulimit -v, pids of the container)");
  } catch (const std::exception& error) {
    return make_error(env, "internal", error.what());
  } catch (...) {
    return make_error(env, "internal", "an exception of unknown type was thrown in the native core");
  }
}

Napi::Value set_error_class(const Napi::CallbackInfo& info) {
  return throwing(info.Env(), [&]() -> Napi::Value {
    const Napi::Value value = argument(info, 0);
    if (!value.IsFunction()) throw Error("invalid-argument", "the error class is " + described(value) +
                                                                 "; expected a constructor");
    info.Env().GetInstanceData<InstanceData>()->error_class = Napi::Persistent(value.As<Napi::Function>());
    return info.Env().Undefined();
  });
}

}  // namespace deepyeast
