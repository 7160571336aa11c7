// Statistics of a batch from those of its parts (blocks of rows, ranges of tiles).
#pragma once

#include <cstddef>
#include <vector>

#include "../engine/backend.h"

namespace deepyeast {

// The parts are filled by any thread and combined in their order, in double precision.
class PartialStatistics {
 public:
  void reserve(std::size_t parts, int channels);

  double* mean(std::size_t part) { return values_.data() + 2 * part * channels_; }
  // Sums of squared deviations from the part's mean.
  double* deviations(std::size_t part) { return mean(part) + channels_; }
  void set_count(std::size_t part, std::size_t pixels) { counts_[part] = static_cast<double>(pixels); }

  // Mean and biased variance over the first `parts` parts.
  void combine(std::size_t parts, BatchStatistics* statistics);

 private:
  std::size_t channels_ = 0;
  std::vector<double> values_;  // [parts][mean, deviations][channels]
  std::vector<double> counts_;
};

}  // namespace deepyeast
