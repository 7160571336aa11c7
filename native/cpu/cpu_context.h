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

  // function(task, slot) for every task of [0, tasks); slot < threads(). Cut sums by shape alone, never by threads().
  // Within a task of each_alone the calling thread does all of them, within a share those of its lane.
  template <typename Function>
  void parallel_for(std::size_t tasks, const Function& function) const {
    const Place place = own_place();
    if (place.slot == none) {
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

  // As parallel_for, for tasks that call whole operations: each of these keeps to its task's thread and slot.
  template <typename Function>
  void each_alone(std::size_t tasks, const Function& function) const {
    parallel_for(tasks, [&](std::size_t task, int slot) {
      const Stay alone({slot, nullptr});
      function(task, slot);
    });
  }

  // function(share, lane) for every share of [0, shares), which calls operations one after the other; lane < threads().
  // They are carried out by the thread that has the share, and by those that have had one and find none left.
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

  // Scratch memory for the duration of one operation: some that its threads share, and some of each thread's own. At
  // least the largest sizes ever reserved, 64-byte aligned, with arbitrary contents. Reserve in an operation object's
  // constructor (that is what plans memory once), fetch the pointer when the operation runs: a later reservation moves
  // it. Operations of one backend never run at the same time, but for those of each_alone and each_share, which must do
  // without the shared part. A thread's own memory is the same for all operations, so that it stays in its core's
  // caches: to write what another core has written last takes twice as long.
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

  // Where this thread is: in a share, whose lane it is; in a task of each_alone, without a lane; or in neither.
  struct Place {
    int slot;
    Lane* lane;
  };
  static Place& own_place() {
    static thread_local Place place = {none, nullptr};
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
  std::size_t shared_ = 0, own_ = 0;  // floats; the threads' own memory comes first
  AlignedMemory workspace_;
};

}  // namespace deepyeast
