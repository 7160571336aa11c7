// What every operation of one CPU backend shares: its kernels, its share of the thread pool, and its scratch memory.
#pragma once

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
  template <typename Function>
  void parallel_for(std::size_t tasks, const Function& function) const {
    pool_->parallel_for(tasks, threads_, function);
  }

  // Scratch memory for the duration of one operation: at least the largest size ever reserved, 64-byte aligned, with
  // arbitrary contents. Reserve in an operation object's constructor (that is what plans memory once), fetch the pointer
  // when the operation runs: a later reservation moves it. Operations of one backend never run at the same time.
  void reserve_workspace(std::size_t floats) {
    if (floats > workspace_.size()) workspace_ = AlignedMemory(floats);
  }
  float* workspace() { return workspace_.data(); }

 private:
  InstructionSet instruction_set_;
  const KernelTable& kernels_;
  int threads_;
  std::shared_ptr<ThreadPool> pool_;
  AlignedMemory workspace_;
};

}  // namespace deepyeast
