#include "partial_statistics.h"

#include <algorithm>

namespace deepyeast {

void PartialStatistics::reserve(std::size_t parts, int channels) {
  channels_ = static_cast<std::size_t>(channels);
  values_.resize(2 * parts * channels_);
  counts_.resize(parts);
}

void PartialStatistics::combine(std::size_t parts, BatchStatistics* statistics) {
  double count = 0;
  for (std::size_t part = 0; part < parts; ++part) count += counts_[part];
  std::vector<double> mean(channels_), deviations(channels_);
  for (std::size_t part = 0; part < parts; ++part)
    for (std::size_t c = 0; c < channels_; ++c) mean[c] += counts_[part] / count * this->mean(part)[c];
  // A part's deviations from the batch's mean are those from its own mean, and those of its mean.
  for (std::size_t part = 0; part < parts; ++part) {
    for (std::size_t c = 0; c < channels_; ++c) {
      const double shift = this->mean(part)[c] - mean[c];
      deviations[c] += this->deviations(part)[c] + counts_[part] * shift * shift;
    }
  }
  for (std::size_t c = 0; c < channels_; ++c) {
    statistics->mean[c] = static_cast<float>(mean[c]);
    statistics->variance[c] = static_cast<float>(deviations[c] / count);
  }
}

}  // namespace deepyeast
