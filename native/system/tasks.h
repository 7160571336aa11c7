// The tasks of one parallel operation, which any number of threads execute together.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>

namespace deepyeast {

// The tasks are cut into ranges of consecutive ones. A thread begins with the range of its slot and then helps with what
// is left of the others: tasks whose data lie side by side mostly stay with one core, and uneven tasks balance.
class Tasks {
 public:
  using Execute = void (*)(const void* function, std::size_t task, int slot);

  // execute(function, task, slot) executes one task; slot: the number that the executing thread has for itself.
  Tasks(std::size_t count, int ranges, Execute execute, const void* function);

  // Claims and executes tasks until none is left. If one throws, those not yet claimed are skipped.
  void work(int slot);

  bool all_claimed() const;

  // Throws the first exception that a task threw, if any did. For when no thread works on the tasks any more.
  void rethrow() const;

 private:
  struct alignas(64) Range {
    std::atomic<std::size_t> next{0};  // first task that is not yet claimed
    std::size_t end = 0;
  };

  const int count_of_ranges_;
  const Execute execute_;
  const void* const function_;
  const std::unique_ptr<Range[]> ranges_;
  std::mutex mutex_;
  std::exception_ptr exception_;  // guarded by the mutex
};

}  // namespace deepyeast
