#include "thread_pool.h"

#include <algorithm>
#include <exception>
#include <system_error>

#include "../engine/spin.h"
#include "available_threads.h"

namespace deepyeast {

// Every participant has a range of consecutive tasks of its own and, when it is done, helps the others with theirs: so
// tasks whose data lie side by side mostly stay with one core, from operation to operation.
struct ThreadPool::Job {
  struct alignas(64) Range {
    std::atomic<std::size_t> next{0};  // first task not yet claimed
    std::size_t end = 0;
  };

  Job(std::size_t tasks, int max_threads, Invoke invoke, const void* function)
      : max_threads(max_threads), invoke(invoke), function(function), ranges(new Range[max_threads]) {
    for (int i = 0; i < max_threads; ++i) {
      ranges[i].next.store(tasks * i / max_threads, std::memory_order_relaxed);
      ranges[i].end = tasks * (i + 1) / max_threads;
    }
  }

  const int max_threads;
  const Invoke invoke;
  const void* const function;
  const std::unique_ptr<Range[]> ranges;
  int slots = 1;                // handed out; 0 is the caller's. Guarded by the pool's mutex
  std::atomic<int> workers{0};  // inside the job; written under the mutex
  std::exception_ptr exception; // guarded by the mutex

  bool has_room() const {
    if (slots >= max_threads) return false;
    for (int i = 0; i < max_threads; ++i)
      if (ranges[i].next.load(std::memory_order_relaxed) < ranges[i].end) return true;
    return false;
  }

  void work(int slot, std::mutex& mutex) {
    try {
      for (int i = 0; i < max_threads; ++i) {
        Range& range = ranges[(slot + i) % max_threads];
        for (;;) {
          const std::size_t task = range.next.fetch_add(1, std::memory_order_relaxed);
          if (task >= range.end) break;
          invoke(function, task, slot);
        }
      }
    } catch (...) {
      for (int i = 0; i < max_threads; ++i) ranges[i].next.store(ranges[i].end, std::memory_order_relaxed);
      const std::lock_guard<std::mutex> lock(mutex);
      if (!exception) exception = std::current_exception();
    }
  }
};

std::shared_ptr<ThreadPool> ThreadPool::shared() {
  // Never destroyed: a network may still be closing while the process's static objects are.
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
      break;  // the system's limit on threads: those there are do the work
    }
  }
  spins_ = static_cast<int>(workers_.size()) < available_threads();
}

void ThreadPool::run(std::size_t tasks, int max_threads, Invoke invoke, const void* function) {
  if (static_cast<std::size_t>(std::max(max_threads, 1)) > tasks) max_threads = static_cast<int>(tasks);
  if (max_threads <= 1) {
    for (std::size_t task = 0; task < tasks; ++task) invoke(function, task, 0);
    return;
  }
  Job job(tasks, max_threads, invoke, function);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (static_cast<int>(workers_.size()) < max_threads - 1) start_workers(max_threads - 1);
    jobs_.push_back(&job);
    announcements_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  job.work(0, mutex_);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.erase(std::find(jobs_.begin(), jobs_.end(), &job));  // from here on nobody joins it
  }
  const auto left = [&] { return job.workers.load() == 0; };
  if (!spins_ || !spin_until(left)) {
    std::unique_lock<std::mutex> lock(mutex_);
    sleeping_callers_.fetch_add(1);
    finished_.wait(lock, left);
    sleeping_callers_.fetch_sub(1);
  }
  if (job.exception) std::rethrow_exception(job.exception);
}

ThreadPool::Job* ThreadPool::join_job() {
  for (Job* job : jobs_)
    if (job->has_room()) return job;
  return nullptr;
}

void ThreadPool::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    const unsigned seen = announcements_.load(std::memory_order_relaxed);
    if (Job* job = join_job()) {
      const int slot = job->slots++;
      const bool only = jobs_.size() == 1;
      job->workers.fetch_add(1, std::memory_order_relaxed);
      lock.unlock();
      job->work(slot, mutex_);
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

// The mutex is left alone where the caller is awake, who then takes it himself at the same moment. Both orders are
// sequentially consistent: either the caller sees that nobody is left, or he is seen to sleep.
void ThreadPool::leave(Job* job) {
  const bool last = job->workers.fetch_sub(1) == 1;  // from here on the caller may return, and the job vanish
  if (!last || sleeping_callers_.load() == 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  finished_.notify_all();
}

}  // namespace deepyeast
