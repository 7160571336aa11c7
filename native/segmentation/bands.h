// Cuts work over rows into bands, which run on the process's thread pool. The cut depends on the number of rows alone,
// never on the number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

#include "../system/thread_pool.h"
#include "../system/error.h"

namespace deepyeast {

class Bands {
 public:
  Bands(int threads, const std::atomic<bool>* cancelled)
      : threads_(threads), cancelled_(cancelled), pool_(threads > 1 ? ThreadPool::shared() : nullptr) {}

  // Throws Error("aborted") once the caller has asked to stop; called between the steps.
  void check() const {
    if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) throw Error("aborted", "the work was cancelled");
  }

  // Calls function(first, last) for bands of rows that cover [0, rows).
  template <typename Function>
  void over(int rows, const Function& function) const {
    check();
    constexpr int kRows = 64;
    const int bands = (rows + kRows - 1) / kRows;
    if (pool_ == nullptr || bands < 2) {
      for (int band = 0; band < bands; ++band) function(band * kRows, std::min(rows, (band + 1) * kRows));
      return;
    }
    pool_->parallel_for(static_cast<std::size_t>(bands), threads_, [&](std::size_t band, int) {
      function(static_cast<int>(band) * kRows, std::min(rows, static_cast<int>(band + 1) * kRows));
    });
  }

 private:
  int threads_;
  const std::atomic<bool>* cancelled_;
  std::shared_ptr<ThreadPool> pool_;
};

}  // namespace deepyeast
