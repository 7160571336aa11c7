// One worker thread and the calls that wait for it, in order. Each network has one, so that a long call blocks neither the
// event loop nor libuv's own threads.
#pragma once

#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace deepyeast {

class WorkQueue {
 public:
  // Makes the call's JavaScript result; runs on the JavaScript thread.
  using Settle = std::function<Napi::Value(Napi::Env)>;
  // Computes. Runs on the worker thread and touches no JavaScript value. Its exception rejects the promise.
  using Work = std::function<Settle()>;

  explicit WorkQueue(Napi::Env env);
  // Waits for the running call. Calls that have not begun never run.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  // The promise settles after the work; `keep` is held until then. On the JavaScript thread only.
  Napi::Promise enqueue(Napi::Env env, Napi::Object keep, Work work);
  // The same for the last call: once it has settled, the thread ends. No call may follow.
  Napi::Promise enqueue_last(Napi::Env env, Napi::Object keep, Work work);
  // Calls `function` first when the environment is destroyed, so that it can cancel a long call.
  void on_shutdown(std::function<void()> callback) { on_shutdown_ = std::move(callback); }
  // Waits for the running call and stops the thread. Idempotent. On the JavaScript thread only.
  void shutdown();

 private:
  struct Call;

  void run();
  void deliver(std::unique_ptr<Call> call);
  static void settle(Napi::Env env, Napi::Function, std::nullptr_t*, Call* call);

  Napi::Env env_;
  using Delivery = Napi::TypedThreadSafeFunction<std::nullptr_t, Call, &WorkQueue::settle>;
  Delivery delivery_;
  std::function<void()> on_shutdown_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Call>> waiting_;
  std::atomic<unsigned> calls_{0};  // calls ever enqueued: what the thread watches before it sleeps
  bool stopping_ = false;
  std::size_t unsettled_ = 0;  // JavaScript thread only
  bool shut_down_ = false;     // JavaScript thread only
  bool last_ = false;          // JavaScript thread only: the thread ends when nothing is unsettled
  std::thread thread_;
};

}  // namespace deepyeast
