#include "thread_pool.h"

#include <algorithm>
#include <system_error>

#include "spin.h"
#include "available_threads.h"

namespace deepyeast {

struct ThreadPool::Job {
  Job(std::size_t count, int max_threads, Tasks::Execute execute, const void* function)
      : max_threads(max_threads), tasks(count, max_threads, execute, function) {}

  bool has_room() const { return slots < max_threads && !tasks.all_claimed(); }

  const int max_threads;
  Tasks tasks;
  int slots = 1;                // handed out; 0 is the caller's. Guarded by the pool's mutex
  std::atomic<int> workers{0};  // inside the job; written under the mutex
};

std::shared_ptr<ThreadPool> ThreadPool::shared() {
  // Never destroyed: a network may still be closing while the process destroys its static objects.
  static std::mutex& mutex = *new std::mutex;
  static std::weak_ptr<ThreadPool>& pool = *new std::weak_ptr<ThreadPool>;
  const std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<ThreadPool> held = pool.lock();
  if (!held) {
    held.reset(new ThreadPool);
    pool = held;
  }
  return held;
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    announcements_.fetch_add(1);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::start_workers(int count) {
  while (static_cast<int>(workers_.size()) < count) {
    try {
      workers_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      break;  // the system's limit on threads: the existing ones do the work
    }
  }
  spins_ = static_cast<int>(workers_.size()) < available_threads();
}

void ThreadPool::run(std::size_t tasks, int max_threads, Tasks::Execute execute, const void* function) {
  if (static_cast<std::size_t>(std::max(max_threads, 1)) > tasks) max_threads = static_cast<int>(tasks);
  if (max_threads <= 1) {
    for (std::size_t task = 0; task < tasks; ++task) execute(function, task, 0);
    return;
  }
  Job job(tasks, max_threads, execute, function);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (static_cast<int>(workers_.size()) < max_threads - 1) start_workers(max_threads - 1);
    jobs_.push_back(&job);
    announcements_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  job.tasks.work(0);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.erase(std::find(jobs_.begin(), jobs_.end(), &job));  // from here on no worker joins it
  }
  const auto left = [&] { return job.workers.load() == 0; };
  if (!spins_ || !spin_until(left)) {
    std::unique_lock<std::mutex> lock(mutex_);
    sleeping_callers_.fetch_add(1);
    finished_.wait(lock, left);
    sleeping_callers_.fetch_sub(1);
  }
  job.tasks.rethrow();
}

ThreadPool::Job* ThreadPool::job_with_room() {
  for (Job* job : jobs_)
    if (job->has_room()) return job;
  return nullptr;
}

void ThreadPool::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    const unsigned seen = announcements_.load(std::memory_order_relaxed);
    if (Job* job = job_with_room()) {
      const int slot = job->slots++;
      const bool only = jobs_.size() == 1;
      job->workers.fetch_add(1, std::memory_order_relaxed);
      lock.unlock();
      job->tasks.work(slot);
      leave(job);
      if (!only) {
        lock.lock();
        continue;
      }
    } else {
      if (stopping_) return;
      lock.unlock();
    }
    if (spins_) spin_until([&] { return announcements_.load(std::memory_order_relaxed) != seen; });
    lock.lock();
    wake_.wait(lock, [&] { return announcements_.load(std::memory_order_relaxed) != seen; });
  }
}

// Without the mutex where the caller is awake, which takes the mutex itself at about this time. Decrement and load are
// sequentially consistent, as are the caller's increment and load: either the caller sees that no worker is left, or this
// worker sees that the caller sleeps.
void ThreadPool::leave(Job* job) {
  const bool last = job->workers.fetch_sub(1) == 1;  // from here on the caller may return and destroy the job
  if (!last || sleeping_callers_.load() == 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  finished_.notify_all();
}

}  // namespace deepyeast
