// Statistics of a batch from those of its blocks.
#pragma once

#include <cstddef>
#include <vector>

#include "../engine/backend.h"

namespace deepyeast {

// Blocks are filled by any thread and combined in their order, in double precision.
class BlockStatistics {
 public:
  void reserve(std::size_t blocks, int channels);

  double* mean(std::size_t block) { return values_.data() + 2 * block * channels_; }
  // Sums of squared deviations from the block's mean.
  double* deviations(std::size_t block) { return mean(block) + channels_; }
  void set_count(std::size_t block, std::size_t pixels) { counts_[block] = static_cast<double>(pixels); }

  // Mean and biased variance over the first `blocks` blocks.
  void combine(std::size_t blocks, BatchStatistics* statistics);

 private:
  std::size_t channels_ = 0;
  std::vector<double> values_;  // [blocks][mean, deviations][channels]
  std::vector<double> counts_;
};

}  // namespace deepyeast
