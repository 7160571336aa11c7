// The value of a given rank among samples, without sorting them all.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

namespace deepyeast {

// Samples are counted in bins of equal width, and only the bin that holds a rank is put in order. Memory is kept between
// calls of begin(). Samples must be finite.
template <typename Sample>
class OrderStatistics {
 public:
  // At least one sample; they must stay as they are until the last call of at().
  void begin(const Sample* samples, std::size_t count) {
    samples_ = samples;
    count_ = count;
    ordered_bin_ = kBins;
    Sample low = samples[0], high = samples[0];
    for (std::size_t i = 1; i < count; ++i) {
      low = std::min(low, samples[i]);
      high = std::max(high, samples[i]);
    }
    low_ = low;
    if constexpr (kShort) {
      shift_ = 0;
      while ((static_cast<std::uint32_t>(high - low) >> shift_) >= kBins) ++shift_;
    } else {
      const Real span = static_cast<Real>(high) - static_cast<Real>(low);
      const Real widest = std::numeric_limits<Real>::max();
      // One bin for all where the span is next to nothing or overflows.
      factor_ = span > 0 && span <= widest && kBins / span <= widest ? (kBins - 1) / span : 0;
    }
    used_ = bin(high) + 1;
    // Two tables, since neighbouring samples often fall into the same bin and an addition would wait for the last one.
    counts_.assign(used_, 0);
    others_.assign(used_, 0);
    std::size_t i = 0;
    for (; i + 1 < count; i += 2) {
      ++counts_[bin(samples[i])];
      ++others_[bin(samples[i + 1])];
    }
    if (i < count) ++counts_[bin(samples[i])];
    for (std::uint32_t at = 0; at < used_; ++at) counts_[at] += others_[at];
  }

  // The sample of a rank from 0, ascending.
  double at(std::size_t rank) {
    // Counted from the nearer end: the ranks that are asked for lie near one of them.
    std::uint32_t found;
    std::size_t below;
    if (rank < count_ / 2) {
      found = 0;
      below = 0;
      while (below + counts_[found] <= rank) below += counts_[found++];
    } else {
      found = used_ - 1;
      below = count_ - counts_[found];
      while (below > rank) below -= counts_[--found];
    }
    if constexpr (kShort) {
      if (shift_ == 0) return static_cast<double>(low_) + found;
    }
    if (found != ordered_bin_) {
      if (ordered_.size() < count_) ordered_.resize(count_);
      // Written without a branch: the place moves on only for a sample of the bin.
      std::size_t kept = 0;
      for (std::size_t i = 0; i < count_; ++i) {
        ordered_[kept] = samples_[i];
        kept += bin(samples_[i]) == found ? 1 : 0;
      }
      std::sort(ordered_.begin(), ordered_.begin() + static_cast<std::ptrdiff_t>(kept));
      ordered_bin_ = found;
    }
    return static_cast<double>(ordered_[rank - below]);
  }

 private:
  // Integers of up to 16 bits, whose bins are found by a shift.
  static constexpr bool kShort = std::is_integral_v<Sample> && sizeof(Sample) <= 2;
  static constexpr std::uint32_t kBins = 2048;
  using Real = std::conditional_t<std::is_same_v<Sample, float>, float, double>;

  // Never falls while the sample rises, also as rounded.
  std::uint32_t bin(Sample sample) const {
    if constexpr (kShort) {
      return static_cast<std::uint32_t>(sample - low_) >> shift_;
    } else {
      if (factor_ == 0) return 0;
      const Real place = (static_cast<Real>(sample) - static_cast<Real>(low_)) * factor_;
      return static_cast<std::uint32_t>(std::min(static_cast<std::int32_t>(place), static_cast<std::int32_t>(kBins - 1)));
    }
  }

  const Sample* samples_ = nullptr;
  std::size_t count_ = 0;
  std::vector<Sample> ordered_;  // begins with those of one bin
  std::uint32_t ordered_bin_ = kBins;
  std::vector<std::uint32_t> counts_, others_;
  Sample low_ = 0;
  int shift_ = 0;
  Real factor_ = 0;
  std::uint32_t used_ = 0;
};

}  // namespace deepyeast
