#include "lane.h"

#include "../system/spin.h"

namespace deepyeast {

void Lane::work(Tasks& tasks, int slot) {
  tasks.work(slot);
  has_tasks_.store(false, std::memory_order_relaxed);
}

void Lane::run(std::size_t count, int slot, Tasks::Execute execute, const void* function) {
  Tasks tasks(count, 1, execute, function);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    running_ = &tasks;
    has_tasks_.store(true, std::memory_order_relaxed);
  }
  work(tasks, slot);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    running_ = nullptr;  // from here on no thread joins
  }
  wait_until([&] { return helpers_.load(std::memory_order_acquire) == 0; });
  tasks.rethrow();
}

bool Lane::help(int slot) {
  if (!has_tasks_.load(std::memory_order_relaxed)) return false;
  Tasks* tasks;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks = running_;
    if (tasks == nullptr || tasks->all_claimed()) return false;
    helpers_.fetch_add(1, std::memory_order_relaxed);
  }
  work(*tasks, slot);
  helpers_.fetch_sub(1, std::memory_order_release);
  return true;
}

}  // namespace deepyeast
