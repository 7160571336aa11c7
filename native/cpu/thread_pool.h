// The process's pool of compute threads, shared by every network.
//
// A call of parallel_for puts a job on the pool's list; idle workers join jobs that have room and the caller works as
// well. Each has a range of consecutive tasks, claimed one by one, and then helps with what is left of the others', so
// uneven tasks balance. Because the caller can always
// finish its job alone, any number of networks may call at once, and tasks may call parallel_for themselves, without
// deadlock. Workers are started when a job first wants them, spin briefly for the next job (operations of one network
// follow each other within microseconds) and then sleep. The pool lives as long as somebody holds it: the last holder
// joins the threads, so none outlives the library when it is unloaded.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace deepyeast {

class ThreadPool {
 public:
  // The pool of this process; made for the first holder.
  static std::shared_ptr<ThreadPool> shared();

  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Calls function(task, slot) for every task of [0, tasks) on at most max_threads threads, the caller among them, and
  // returns when all are done. slot is below max_threads and no two tasks that run at the same time share one: index
  // scratch memory by it. If a task throws, tasks not yet begun are skipped and the first exception is thrown here.
  template <typename Function>
  void parallel_for(std::size_t tasks, int max_threads, const Function& function) {
    run(tasks, max_threads,
        [](const void* f, std::size_t task, int slot) { (*static_cast<const Function*>(f))(task, slot); }, &function);
  }

 private:
  using Invoke = void (*)(const void* function, std::size_t task, int slot);
  struct Job;

  ThreadPool() = default;
  void run(std::size_t tasks, int max_threads, Invoke invoke, const void* function);
  void start_workers(int count);
  void work();
  Job* join_job();
  void leave(Job* job);

  std::mutex mutex_;
  std::condition_variable wake_;            // a job was announced, or the pool stops
  std::condition_variable finished_;        // a job's last worker left it
  std::vector<std::thread> workers_;
  std::vector<Job*> jobs_;                  // with tasks left to claim
  std::atomic<unsigned> announcements_{0};  // jobs ever put on the list: what spinning workers watch
  std::atomic<int> sleeping_callers_{0};    // those who wait on finished_; written under the mutex
  std::atomic<bool> spins_{false};          // whether to spin: not with more threads than cores
  bool stopping_ = false;
};

}  // namespace deepyeast
