// Concurrent shares: every task runs once, concurrent tasks have different slots, idle threads help, exceptions arrive.
#include <atomic>
#include <chrono>
#include <memory>

#include "../cpu/cpu_context.h"
#include "../system/available_threads.h"
#include "../system/error.h"
#include "../system/spin.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

constexpr int kOperations = 5, kTasks = 30;

// A share executes some operations one after the other. Each of their tasks counts how often it ran.
class Counts {
 public:
  explicit Counts(int shares) : runs_(new std::atomic<int>[shares * kOperations * kTasks]()), shares_(shares) {}

  void run(const CpuContext& context, int share) {
    for (int operation = 0; operation < kOperations; ++operation) {
      context.parallel_for(kTasks, [&](std::size_t task, int slot) {
        if (slot < 0 || slot >= context.threads() || busy_[slot].exchange(true)) wrong_slot_ = true;
        if (operation > 0 && at(share, operation - 1, kTasks - 1) != 1) too_early_ = true;
        // An operation that a task calls stays on the task's thread.
        context.parallel_for(3, [&](std::size_t, int inner) { if (inner != slot) wrong_slot_ = true; });
        ++at(share, operation, static_cast<int>(task));
        busy_[slot] = false;
      });
      for (int task = 0; task < kTasks; ++task)
        if (at(share, operation, task) != 1) too_early_ = true;
    }
  }

  void check() {
    expect(!wrong_slot_, "two kTasks shared a slot");
    expect(!too_early_, "an operation began before the one before it had ended");
    for (int i = 0; i < shares_ * kOperations * kTasks; ++i)
      expect(runs_[i] == 1, "task " + std::to_string(i) + " ran " + std::to_string(runs_[i]) + " times");
  }

 private:
  std::atomic<int>& at(int share, int operation, int task) {
    return runs_[(share * kOperations + operation) * kTasks + task];
  }

  std::unique_ptr<std::atomic<int>[]> runs_;
  std::atomic<bool> busy_[8] = {};
  std::atomic<bool> wrong_slot_{false}, too_early_{false};
  const int shares_;
};

TEST(shares_run_every_task_once) {
  for (const int threads : {1, 2, 3, 5}) {
    CpuContext context(InstructionSet::portable, threads);
    for (const int shares : {1, 2, 7, 20})
      for (int repeat = 0; repeat < 50; ++repeat) {
        Counts counts(shares);
        context.each_share(static_cast<std::size_t>(shares),
                           [&](std::size_t share, int) { counts.run(context, static_cast<int>(share)); });
        counts.check();
      }
  }
}

void work_for(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

TEST(threads_without_a_share_help) {
  if (available_threads() < 2) throw Skipped("needs two cores");
  CpuContext context(InstructionSet::portable, 2);
  // Helping is not certain in every round, since the operating system may give a thread its core late.
  int times = 0;
  for (int repeat = 0; repeat < 100 && times < 20; ++repeat) {
    std::atomic<bool> begun{false}, helped{false};
    context.each_share(2, [&](std::size_t share, int lane) {
      if (share == 0) {
        spin_until([&] { return begun.load(); });
        return;
      }
      // For longer than a thread spins there is nothing to help with. The helping thread must still be there afterwards.
      context.parallel_for(1, [&](std::size_t, int) {
        begun = true;
        work_for(10 * kSpinTime);
      });
      context.parallel_for(50, [&](std::size_t, int slot) {
        if (slot != lane) helped = true;
        work_for(std::chrono::microseconds(100));
      });
    });
    if (helped) ++times;
  }
  expect(times >= 20, "helped only " + std::to_string(times) + " times of 100");
}

TEST(a_share_that_throws_ends_all) {
  for (const int threads : {1, 2, 3}) {
    CpuContext context(InstructionSet::portable, threads);
    for (int repeat = 0; repeat < 100; ++repeat) {
      bool thrown = false;
      try {
        context.each_share(6, [&](std::size_t share, int) {
          context.parallel_for(20, [&](std::size_t task, int) {
            if (share == 3 && task == 11) throw Error("invalid-argument", "expected by the test");
          });
        });
      } catch (const Error&) {
        thrown = true;
      }
      expect(thrown, "the exception did not arrive");
    }
    Counts counts(4);
    context.each_share(4, [&](std::size_t share, int) { counts.run(context, static_cast<int>(share)); });
    counts.check();
  }
}

}  // namespace
