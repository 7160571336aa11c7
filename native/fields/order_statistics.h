// The value of a given rank among samples, without sorting them all.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace deepyeast {

// Ranks from 0, ascending. Scratch memory is kept between calls.
template <typename Sample>
class OrderStatistics {
 public:
  // `samples` must stay as they are until the last call of at().
  void begin(const Sample* samples, std::size_t count) {
    samples_ = samples;
    count_ = count;
    if constexpr (kCounts) {
      Sample low = samples[0], high = samples[0];
      for (std::size_t i = 1; i < count; ++i) {
        low = std::min(low, samples[i]);
        high = std::max(high, samples[i]);
      }
      low_ = low;
      shift_ = 0;
      while ((static_cast<std::uint32_t>(high - low) >> shift_) >= kBins) ++shift_;
      bins_ = (static_cast<std::uint32_t>(high - low) >> shift_) + 1;
      counts_.assign(bins_, 0);
      for (std::size_t i = 0; i < count; ++i) ++counts_[bin(samples[i])];
    } else {
      sorted_.assign(samples, samples + count);
    }
  }

  double at(std::size_t rank) {
    if constexpr (!kCounts) {
      const auto place = sorted_.begin() + static_cast<std::ptrdiff_t>(rank);
      std::nth_element(sorted_.begin(), place, sorted_.end());
      return static_cast<double>(*place);
    } else {
      // Counted from the nearer end: the ranks that are asked for lie near one of them.
      std::uint32_t found;
      std::size_t below;
      if (rank < count_ / 2) {
        found = 0;
        below = 0;
        while (below + counts_[found] <= rank) below += counts_[found++];
      } else {
        found = bins_ - 1;
        below = count_ - counts_[found];
        while (below > rank) below -= counts_[--found];
      }
      if (shift_ == 0) return static_cast<double>(low_) + found;
      sorted_.clear();
      for (std::size_t i = 0; i < count_; ++i) {
        if (bin(samples_[i]) == found) sorted_.push_back(samples_[i]);
      }
      const auto place = sorted_.begin() + static_cast<std::ptrdiff_t>(rank - below);
      std::nth_element(sorted_.begin(), place, sorted_.end());
      return static_cast<double>(*place);
    }
  }

 private:
  // Samples of up to 16 bits are counted in bins, all else is put in order as far as needed.
  static constexpr bool kCounts = std::is_integral_v<Sample> && sizeof(Sample) <= 2;
  static constexpr std::uint32_t kBins = 4096;

  std::uint32_t bin(Sample sample) const { return static_cast<std::uint32_t>(sample - low_) >> shift_; }

  const Sample* samples_ = nullptr;
  std::size_t count_ = 0;
  std::vector<Sample> sorted_;
  std::vector<std::uint32_t> counts_;
  int low_ = 0;
  int shift_ = 0;
  std::uint32_t bins_ = 0;
};

}  // namespace deepyeast
