// A short computation on one of libuv's threads, for work that belongs to no network.
#pragma once

#include <napi.h>

#include <exception>
#include <functional>

#include "errors.h"

namespace deepyeast {

class BackgroundTask : public Napi::AsyncWorker {
 public:
  using Settle = std::function<Napi::Value(Napi::Env)>;
  using Work = std::function<Settle()>;

  static Napi::Promise start(Napi::Env env, Work work) {
    auto* task = new BackgroundTask(env, std::move(work));  // deletes itself when settled
    const Napi::Promise promise = task->deferred_.Promise();
    task->Queue();
    return promise;
  }

 protected:
  void Execute() override {
    try {
      settle_ = work_();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }
  void OnOK() override {
    const Napi::HandleScope scope(Env());
    if (!failure_) {
      try {
        deferred_.Resolve(settle_(Env()));
        return;
      } catch (...) {
        failure_ = std::current_exception();
      }
    }
    deferred_.Reject(javascript_error(Env(), failure_));
  }

 private:
  BackgroundTask(Napi::Env env, Work work)
      : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)) {}

  Napi::Promise::Deferred deferred_;
  Work work_;
  Settle settle_;
  std::exception_ptr failure_;
};

}  // namespace deepyeast
