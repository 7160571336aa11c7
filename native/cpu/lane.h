// The operations that one thread carries out one after the other while other threads carry out theirs, and that a
// thread with none left joins. An operation ends when those who work on it are done; no lane waits for another.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>

namespace deepyeast {

class alignas(64) Lane {
 public:
  using Invoke = void (*)(const void* function, std::size_t task, int slot);

  // The lane's own thread: invoke(function, task, slot) for every task of [0, tasks), some of them perhaps on other
  // threads with slots of theirs. If a task throws, tasks not yet begun are skipped and the first exception is thrown.
  void run(std::size_t tasks, int slot, Invoke invoke, const void* function);

  // Another thread: works on what the lane is running until every task is claimed, so that what an operation leaves in
  // the slot's scratch memory for its next task stays there. False: there is no task to claim at the moment.
  bool help(int slot);

 private:
  struct Operation;
  void work(Operation& operation, int slot);

  std::mutex mutex_;
  Operation* running_ = nullptr;        // guarded by the mutex
  std::atomic<bool> has_tasks_{false};  // false: all are claimed; lets helpers look without the mutex
  std::atomic<int> helpers_{0};         // at work on running_
};

}  // namespace deepyeast
