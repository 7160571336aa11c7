// The weights by which a line of field pixels becomes a line of crop pixels: crops.h says how they are chosen.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace deepyeast {

// For each pixel of a crop along one axis.
struct ResamplingAxis {
  int taps = 0;                // weights of a pixel
  std::vector<int> first;      // [size] the field pixel of the first weight; may lie outside the field
  std::vector<float> weights;  // [size, taps], of sum 1
  int begin = 0, end = 0;      // crop pixels [begin, end) whose centres lie inside the field
};

// `centre` and `length` (of the field) in field pixels.
inline ResamplingAxis resampling_axis(double centre, int length, int size, double scale) {
  ResamplingAxis axis;
  const double reach = std::max(1.0, 1.0 / scale);
  axis.taps = static_cast<int>(std::ceil(2 * reach)) + 1;
  axis.first.resize(static_cast<std::size_t>(size));
  axis.weights.resize(static_cast<std::size_t>(size) * axis.taps);
  axis.begin = size;
  axis.end = 0;
  for (int i = 0; i < size; ++i) {
    const double position = centre + (i - (size - 1) / 2.0) / scale;
    if (position >= -0.5 && position < length - 0.5) {
      axis.begin = std::min(axis.begin, i);
      axis.end = i + 1;
    }
    const int first = static_cast<int>(std::ceil(position - reach));
    double sum = 0;
    float* weights = axis.weights.data() + static_cast<std::size_t>(i) * axis.taps;
    std::vector<double> exact(static_cast<std::size_t>(axis.taps));
    for (int tap = 0; tap < axis.taps; ++tap) {
      exact[tap] = std::max(0.0, 1 - std::abs(first + tap - position) / reach);
      sum += exact[tap];
    }
    for (int tap = 0; tap < axis.taps; ++tap) weights[tap] = static_cast<float>(exact[tap] / sum);
    axis.first[i] = first;
  }
  return axis;
}

}  // namespace deepyeast
