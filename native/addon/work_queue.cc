#include "work_queue.h"

#include "../system/spin.h"
#include "errors.h"

namespace deepyeast {

struct WorkQueue::Call {
  WorkQueue* queue;
  Napi::Promise::Deferred deferred;
  Napi::ObjectReference keep;
  Work work;
  Settle settle;
  std::exception_ptr failure;
};

namespace {

void shut_down_queue(void* queue) { static_cast<WorkQueue*>(queue)->shutdown(); }

}  // namespace

WorkQueue::WorkQueue(Napi::Env env) : env_(env) {
  delivery_ = Delivery::New(env, "deepyeast work queue", 0, 1);
  // An idle queue does not keep the process alive.
  delivery_.Unref(env);
  // Hooks run in reverse order of their registration: this one runs before that of the thread-safe function.
  napi_add_env_cleanup_hook(env, shut_down_queue, this);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    napi_remove_env_cleanup_hook(env, shut_down_queue, this);
    delivery_.Release();
    throw;
  }
}

WorkQueue::~WorkQueue() {
  shutdown();
}

void WorkQueue::shutdown() {
  if (shut_down_) return;
  shut_down_ = true;
  napi_remove_env_cleanup_hook(env_, shut_down_queue, this);
  if (on_shutdown_) on_shutdown_();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  waiting_.clear();
  delivery_.Release();
}

Napi::Promise WorkQueue::enqueue(Napi::Env env, Napi::Object keep, Work work) {
  auto call = std::unique_ptr<Call>(new Call{this, Napi::Promise::Deferred::New(env), Napi::Persistent(keep),
                                             std::move(work), nullptr, nullptr});
  const Napi::Promise promise = call->deferred.Promise();
  if (unsettled_++ == 0) delivery_.Ref(env);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_.push_back(std::move(call));
    calls_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_one();
  return promise;
}

Napi::Promise WorkQueue::enqueue_last(Napi::Env env, Napi::Object keep, Work work) {
  last_ = true;
  return enqueue(env, keep, std::move(work));
}

void WorkQueue::run() {
  for (unsigned done = 0;; ++done) {
    std::unique_ptr<Call> call;
    // The next call often follows at once, for instance in a loop that classifies one cell after the other.
    if (done > 0) spin_until([&] { return calls_.load(std::memory_order_relaxed) != done; });
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      call = std::move(waiting_.front());
      waiting_.pop_front();
    }
    try {
      call->settle = call->work();
    } catch (...) {
      call->failure = std::current_exception();
    }
    call->work = nullptr;  // frees its copies of the arguments before the result is made
    deliver(std::move(call));
  }
}

void WorkQueue::deliver(std::unique_ptr<Call> call) {
  Call* raw = call.release();
  // When the environment is closing, nobody waits for the result, and the reference dies with the environment: the call
  // is not freed, rather than touched from the wrong thread.
  delivery_.NonBlockingCall(raw);
}

void WorkQueue::settle(Napi::Env env, Napi::Function, std::nullptr_t*, Call* raw) {
  const std::unique_ptr<Call> call(raw);
  if (env == nullptr) {
    call->keep.SuppressDestruct();
    return;
  }
  WorkQueue& queue = *call->queue;
  const Napi::HandleScope scope(env);
  if (--queue.unsettled_ == 0 && !queue.shut_down_) {
    queue.delivery_.Unref(env);
    if (queue.last_) queue.shutdown();  // the thread has nothing to do: it is joined at once
  }
  if (call->failure) {
    call->deferred.Reject(javascript_error(env, call->failure));
    return;
  }
  try {
    call->deferred.Resolve(call->settle(env));
  } catch (...) {
    call->deferred.Reject(javascript_error(env, std::current_exception()));
  }
}

}  // namespace deepyeast
