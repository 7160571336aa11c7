// What every operation of one CPU backend shares: its kernels, its share of the thread pool, and its scratch memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "../system/spin.h"
#include "../system/thread_pool.h"
#include "instruction_set.h"
#include "kernels/table.h"
#include "lane.h"
#include "memory.h"

namespace deepyeast {

class CpuContext {
 public:
  CpuContext(InstructionSet instruction_set, int threads)
      : instruction_set_(instruction_set), kernels_(kernel_table(instruction_set)), threads_(threads),
        pool_(ThreadPool::shared()), lanes_(new Lane[threads]) {}

  InstructionSet instruction_set() const { return instruction_set_; }
  const KernelTable& kernels() const { return kernels_; }
  int threads() const { return threads_; }

  // Calls function(task, slot) for every task of [0, tasks), on all threads. slot < threads(); concurrent tasks never get
  // the same slot. Cut sums by shape alone, never by threads().
  // Called within a task of each_alone, the calling thread executes all tasks. Called within a share, its lane does: the
  // thread that has the share, and those that help it.
  template <typename Function>
  void parallel_for(std::size_t tasks, const Function& function) const {
    const Place place = own_place();
    if (place.slot == kNone) {
      pool_->parallel_for(tasks, threads_, function);
    } else if (place.lane == nullptr) {
      for (std::size_t task = 0; task < tasks; ++task) function(task, place.slot);
    } else {
      const Stay alone({place.slot, nullptr});
      place.lane->run(tasks, place.slot,
                      [](const void* f, std::size_t task, int slot) { (*static_cast<const Function*>(f))(task, slot); },
                      &function);
    }
  }

  // As parallel_for, for tasks that call whole operations: these run on their task's thread alone, with its slot.
  template <typename Function>
  void each_alone(std::size_t tasks, const Function& function) const {
    parallel_for(tasks, [&](std::size_t task, int slot) {
      const Stay alone({slot, nullptr});
      function(task, slot);
    });
  }

  // Calls function(share, slot) for every share of [0, shares), slot < threads(). The function calls operations one after
  // the other, in memory of its own. Concurrent shares never get the same slot. The thread that has a share executes its
  // operations; a thread that finds no share left helps with the operations of the others.
  template <typename Function>
  void each_share(std::size_t shares, const Function& function) const {
    std::atomic<std::size_t> begun{0}, ended{0};
    pool_->parallel_for(shares, threads_, [&](std::size_t share, int slot) {
      begun.fetch_add(1);
      {
        struct End {
          std::atomic<std::size_t>& ended;
          ~End() { ended.fetch_add(1); }
        } end{ended};
        const Stay on_lane({slot, &lanes_[slot]});
        function(share, slot);
      }
      if (begun.load() == shares) help_until(slot, [&] { return ended.load() == shares; });
    });
  }

  // Scratch memory for the duration of one operation: a part that its threads share (workspace), and a part for each
  // thread (own_workspace). It is as large as the largest sizes ever reserved, 64-byte aligned, with arbitrary contents.
  // Reserve in the constructor of an operation, which plans memory once, and fetch the pointer when the operation runs,
  // since a later reservation moves the memory. Operations of one backend run one at a time, except within each_alone and
  // each_share, where they must do without the shared part. A thread's own memory is the same for all operations, so that
  // it stays in its core's caches: to write memory that another core has written last takes twice as long.
  void reserve_workspace(std::size_t shared, std::size_t own) {
    constexpr std::size_t kCacheLine = 16;  // floats
    own = (own + kCacheLine - 1) / kCacheLine * kCacheLine;
    if (shared <= shared_ && own <= own_) return;
    shared_ = std::max(shared, shared_);
    own_ = std::max(own, own_);
    workspace_ = AlignedMemory(threads_ * own_ + shared_);
  }
  float* workspace() { return workspace_.data() + threads_ * own_; }
  float* own_workspace(int slot) { return workspace_.data() + slot * own_; }

 private:
  static constexpr int kNone = -1;

  // What this thread is executing: a share (then it has the share's lane), a task of each_alone (then it has no lane), or
  // neither (then it has no slot).
  struct Place {
    int slot;
    Lane* lane;
  };
  static Place& own_place() {
    static thread_local Place place = {kNone, nullptr};
    return place;
  }
  class Stay {
   public:
    explicit Stay(Place place) : before_(own_place()) { own_place() = place; }
    ~Stay() { own_place() = before_; }
    Stay(const Stay&) = delete;
    Stay& operator=(const Stay&) = delete;

   private:
    const Place before_;
  };

  template <typename Over>
  void help_until(int slot, const Over& over) const {
    const Stay alone({slot, nullptr});
    bool is_over = false;
    while (!is_over)
      wait_until([&] {
        is_over = over();
        return is_over || std::any_of(lanes_.get(), lanes_.get() + threads_, [&](Lane& lane) { return lane.help(slot); });
      });
  }

  InstructionSet instruction_set_;
  const KernelTable& kernels_;
  int threads_;
  std::shared_ptr<ThreadPool> pool_;
  std::unique_ptr<Lane[]> lanes_;
  std::size_t shared_ = 0, own_ = 0;  // sizes in floats
  AlignedMemory workspace_;           // the threads' own parts, then the shared part
};

}  // namespace deepyeast
