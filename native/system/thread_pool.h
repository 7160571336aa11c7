// The compute threads of the process, which all networks, forests and features share.
//
// parallel_for puts a job on the pool's list. Idle workers join jobs that have room, and the caller works on its job as
// well. Because the caller can always finish its job alone, any number of threads may call at once, and tasks may call
// parallel_for themselves, without deadlock. Workers are started when a job first needs them. After a job they spin
// briefly for the next one, since the operations of a network follow each other within microseconds, and then sleep.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "tasks.h"

namespace deepyeast {

class ThreadPool {
 public:
  // The pool of this process. It is made for its first holder, and the last holder's release joins its threads: no thread
  // outlives this library when the library is unloaded.
  static std::shared_ptr<ThreadPool> shared();

  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Calls function(task, slot) for every task of [0, tasks) on at most max_threads threads, the caller among them, and
  // returns when all are done. slot < max_threads. Concurrent tasks never get the same slot: index scratch memory by it.
  // If a task throws, tasks not yet begun are skipped and the first exception is thrown here.
  template <typename Function>
  void parallel_for(std::size_t tasks, int max_threads, const Function& function) {
    run(tasks, max_threads,
        [](const void* f, std::size_t task, int slot) { (*static_cast<const Function*>(f))(task, slot); }, &function);
  }

 private:
  struct Job;

  ThreadPool() = default;
  void run(std::size_t tasks, int max_threads, Tasks::Execute execute, const void* function);
  void start_workers(int count);
  void work();
  Job* job_with_room();
  void leave(Job* job);

  std::mutex mutex_;
  std::condition_variable wake_;            // a job was announced, or the pool stops
  std::condition_variable finished_;        // the last worker of a job left it
  std::vector<std::thread> workers_;
  std::vector<Job*> jobs_;                  // whose callers are still working on them
  std::atomic<unsigned> announcements_{0};  // jobs ever put on the list: what spinning workers watch
  std::atomic<int> sleeping_callers_{0};    // those that wait on finished_; written under the mutex
  std::atomic<bool> spins_{false};          // whether to spin: not with more threads than cores
  bool stopping_ = false;
};

}  // namespace deepyeast
