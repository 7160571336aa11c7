#include "lane.h"

#include "../engine/spin.h"

namespace deepyeast {

struct Lane::Operation {
  const std::size_t tasks;
  const Invoke invoke;
  const void* const function;
  std::atomic<std::size_t> next;  // first task not yet claimed
  std::exception_ptr exception;   // guarded by the lane's mutex
};

void Lane::work(Operation& operation, int slot) {
  try {
    for (;;) {
      const std::size_t task = operation.next.fetch_add(1, std::memory_order_relaxed);
      if (task >= operation.tasks) break;
      operation.invoke(operation.function, task, slot);
    }
  } catch (...) {
    operation.next.store(operation.tasks, std::memory_order_relaxed);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!operation.exception) operation.exception = std::current_exception();
  }
  has_tasks_.store(false, std::memory_order_relaxed);
}

void Lane::run(std::size_t tasks, int slot, Invoke invoke, const void* function) {
  Operation operation{tasks, invoke, function, {0}, nullptr};
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    running_ = &operation;
    has_tasks_.store(true, std::memory_order_relaxed);
  }
  work(operation, slot);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    running_ = nullptr;  // from here on nobody joins
  }
  wait_until([&] { return helpers_.load(std::memory_order_acquire) == 0; });
  if (operation.exception) std::rethrow_exception(operation.exception);
}

bool Lane::help(int slot) {
  if (!has_tasks_.load(std::memory_order_relaxed)) return false;
  Operation* operation;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    operation = running_;
    if (operation == nullptr || operation->next.load(std::memory_order_relaxed) >= operation->tasks) return false;
    helpers_.fetch_add(1, std::memory_order_relaxed);
  }
  work(*operation, slot);
  helpers_.fetch_sub(1, std::memory_order_release);
  return true;
}

}  // namespace deepyeast
