#include "batch_statistics.h"

#include <algorithm>

namespace deepyeast {

void BlockStatistics::reserve(std::size_t blocks, int channels) {
  channels_ = static_cast<std::size_t>(channels);
  values_.resize(2 * blocks * channels_);
  counts_.resize(blocks);
}

void BlockStatistics::combine(std::size_t blocks, BatchStatistics* statistics) {
  double count = 0;
  for (std::size_t block = 0; block < blocks; ++block) count += counts_[block];
  std::vector<double> mean(channels_), deviations(channels_);
  for (std::size_t block = 0; block < blocks; ++block)
    for (std::size_t c = 0; c < channels_; ++c) mean[c] += counts_[block] / count * this->mean(block)[c];
  // The deviations of a block from the batch's mean: those from its own, and its mean's.
  for (std::size_t block = 0; block < blocks; ++block) {
    for (std::size_t c = 0; c < channels_; ++c) {
      const double shift = this->mean(block)[c] - mean[c];
      deviations[c] += this->deviations(block)[c] + counts_[block] * shift * shift;
    }
  }
  for (std::size_t c = 0; c < channels_; ++c) {
    statistics->mean[c] = static_cast<float>(mean[c]);
    statistics->variance[c] = static_cast<float>(deviations[c] / count);
  }
}

}  // namespace deepyeast
