// Mean and spread of every channel over a block of pixels; see statistics.cc.
#pragma once

#include <cstddef>

namespace deepyeast {

struct StatisticsKernels {
  // values [pixels][stride], the first `channels` of each pixel. mean[c], and in deviations[c] the sum of squared
  // deviations from it. At most a few thousand pixels: sums within a block are in single precision.
  void (*block)(const float* values, std::ptrdiff_t pixels, std::ptrdiff_t stride, int channels, double* mean,
                double* deviations);
};

}  // namespace deepyeast
