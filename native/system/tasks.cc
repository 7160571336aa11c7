#include "tasks.h"

namespace deepyeast {

Tasks::Tasks(std::size_t count, int ranges, Execute execute, const void* function)
    : count_of_ranges_(ranges), execute_(execute), function_(function), ranges_(new Range[ranges]) {
  for (int i = 0; i < ranges; ++i) {
    ranges_[i].next.store(count * i / ranges, std::memory_order_relaxed);
    ranges_[i].end = count * (i + 1) / ranges;
  }
}

void Tasks::work(int slot) {
  try {
    for (int i = 0; i < count_of_ranges_; ++i) {
      Range& range = ranges_[(slot + i) % count_of_ranges_];
      for (;;) {
        const std::size_t task = range.next.fetch_add(1, std::memory_order_relaxed);
        if (task >= range.end) break;
        execute_(function_, task, slot);
      }
    }
  } catch (...) {
    for (int i = 0; i < count_of_ranges_; ++i) ranges_[i].next.store(ranges_[i].end, std::memory_order_relaxed);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!exception_) exception_ = std::current_exception();
  }
}

bool Tasks::all_claimed() const {
  for (int i = 0; i < count_of_ranges_; ++i)
    if (ranges_[i].next.load(std::memory_order_relaxed) < ranges_[i].end) return false;
  return true;
}

void Tasks::rethrow() const {
  if (exception_) std::rethrow_exception(exception_);
}

}  // namespace deepyeast
