// What every operation of one CPU backend shares: its kernels, its share of the thread pool, and its scratch memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "instruction_set.h"
#include "kernels/table.h"
#include "memory.h"
#include "thread_pool.h"

namespace deepyeast {

class CpuContext {
 public:
  CpuContext(InstructionSet instruction_set, int threads)
      : instruction_set_(instruction_set), kernels_(kernel_table(instruction_set)), threads_(threads),
        pool_(ThreadPool::shared()) {}

  InstructionSet instruction_set() const { return instruction_set_; }
  const KernelTable& kernels() const { return kernels_; }
  int threads() const { return threads_; }

  // function(task, slot) for every task of [0, tasks); slot < threads(). Cut work by shape alone, never by threads().
  // Within a task of each_alone the calling thread does all of them.
  template <typename Function>
  void parallel_for(std::size_t tasks, const Function& function) const {
    if (own_slot() == none) {
      pool_->parallel_for(tasks, threads_, function);
    } else {
      for (std::size_t task = 0; task < tasks; ++task) function(task, own_slot());
    }
  }

  // As parallel_for, for tasks that call whole operations: each of these keeps to its task's thread and slot.
  template <typename Function>
  void each_alone(std::size_t tasks, const Function& function) const {
    pool_->parallel_for(tasks, threads_, [&](std::size_t task, int slot) {
      struct Alone {
        explicit Alone(int slot) { own_slot() = slot; }
        ~Alone() { own_slot() = none; }
      } alone(slot);
      function(task, slot);
    });
  }

  // Scratch memory for the duration of one operation: some that its threads share, and some of each thread's own. At
  // least the largest sizes ever reserved, 64-byte aligned, with arbitrary contents. Reserve in an operation object's
  // constructor (that is what plans memory once), fetch the pointer when the operation runs: a later reservation moves
  // it. Operations of one backend never run at the same time, but for those of each_alone, which must do without the
  // shared part. A thread's own memory is the same for all operations, so that it stays in its core's caches: to write
  // what another core has written last takes twice as long.
  void reserve_workspace(std::size_t shared, std::size_t own) {
    constexpr std::size_t cache_line = 16;  // floats
    own = (own + cache_line - 1) / cache_line * cache_line;
    if (shared <= shared_ && own <= own_) return;
    shared_ = std::max(shared, shared_);
    own_ = std::max(own, own_);
    workspace_ = AlignedMemory(threads_ * own_ + shared_);
  }
  float* workspace() { return workspace_.data() + threads_ * own_; }
  float* own_workspace(int slot) { return workspace_.data() + slot * own_; }

 private:
  static constexpr int none = -1;
  // The slot of the task of each_alone that this thread is in.
  static int& own_slot() {
    static thread_local int slot = none;
    return slot;
  }

  InstructionSet instruction_set_;
  const KernelTable& kernels_;
  int threads_;
  std::shared_ptr<ThreadPool> pool_;
  std::size_t shared_ = 0, own_ = 0;  // floats; the threads' own memory comes first
  AlignedMemory workspace_;
};

}  // namespace deepyeast
