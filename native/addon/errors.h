// Converts C++ exceptions to JavaScript errors with a code.
#pragma once

#include <napi.h>

#include <exception>

namespace deepyeast {

// The JavaScript error for an exception: an instance of the class given to setErrorClass, else an Error with a `code`.
Napi::Value javascript_error(Napi::Env env, std::exception_ptr exception);

// Runs `body` and throws its exceptions into JavaScript.
template <typename Body>
auto throwing(Napi::Env env, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw Napi::Error(env, javascript_error(env, std::current_exception()));
  }
}

// Runs `body`, which returns a promise. If it throws, returns a promise that is rejected.
template <typename Body>
Napi::Value rejecting(Napi::Env env, Body body) {
  try {
    return body();
  } catch (const Napi::Error& error) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(error.Value());
    return deferred.Promise();
  } catch (...) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(javascript_error(env, std::current_exception()));
    return deferred.Promise();
  }
}

// setErrorClass(class): errors are made by `new class(code, message)`.
Napi::Value set_error_class(const Napi::CallbackInfo& info);

}  // namespace deepyeast
