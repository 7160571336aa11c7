// A lane: the operations that one thread executes one after the other while other threads execute those of their own
// lanes, and that a thread whose own lane has ended may help with. An operation ends when all who work on it are done. A
// lane never waits for another lane.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>

#include "../system/tasks.h"

namespace deepyeast {

class alignas(64) Lane {
 public:
  // For the lane's own thread: execute(function, task, slot) for every task of [0, count), some of them perhaps by
  // helping threads under slots of their own. If a task throws, tasks not yet begun are skipped and the first exception
  // is thrown here.
  void run(std::size_t count, int slot, Tasks::Execute execute, const void* function);

  // For another thread: works on the lane's present operation until every task is claimed, rather than on one task, so
  // that what the operation leaves in the slot's scratch memory serves the next task. False: there is no task to claim at
  // the moment.
  bool help(int slot);

 private:
  void work(Tasks& tasks, int slot);

  std::mutex mutex_;
  Tasks* running_ = nullptr;            // guarded by the mutex
  std::atomic<bool> has_tasks_{false};  // false: all are claimed; lets helpers look without the mutex
  std::atomic<int> helpers_{0};         // working on running_
};

}  // namespace deepyeast
