// Mean and sum of squared deviations of every channel over a block of pixels that has just been computed and still lies
// in the cache.
//
// Two passes: the mean, then deviations from it and their squares. The sum of deviations, zero but for rounding, corrects
// both results, so a mean many times the spread (images after ReLU) costs no accuracy. Four vectors of channels at a
// time, so that the additions of one pixel hide each other's latency.
#include "statistics.h"

#include "vector.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

namespace {

// vectors whole vectors of channels, or one of `count` channels.
template <int vectors>
void channel_statistics(const float* values, std::ptrdiff_t pixels, std::ptrdiff_t stride, int count, double* mean,
                        double* deviations) {
  const auto get = [count](const float* source, int v) {
    return vectors > 1 || count == kWidth ? load(source + v * kWidth) : load_first(source, count);
  };
  const Vector inverse = broadcast(1.0f / static_cast<float>(pixels));
  Vector center[vectors] = {}, first[vectors] = {}, second[vectors] = {};
  for (std::ptrdiff_t p = 0; p < pixels; ++p)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) center[v] += get(values + p * stride, v);
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) center[v] *= inverse;
  for (std::ptrdiff_t p = 0; p < pixels; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const Vector deviation = get(values + p * stride, v) - center[v];
      first[v] += deviation;
      second[v] = fma(deviation, deviation, second[v]);
    }
  }
  const int channels = vectors > 1 ? vectors * kWidth : count;
  for (int c = 0; c < channels; ++c) {
    const double sum = first[c / kWidth][c % kWidth];
    mean[c] = center[c / kWidth][c % kWidth] + sum / static_cast<double>(pixels);
    const double squares = second[c / kWidth][c % kWidth] - sum * sum / static_cast<double>(pixels);
    deviations[c] = squares < 0 ? 0 : squares;
  }
}

void block_statistics(const float* values, std::ptrdiff_t pixels, std::ptrdiff_t stride, int channels, double* mean,
                      double* deviations) {
  int channel = 0;
  for (; channel + 4 * kWidth <= channels; channel += 4 * kWidth)
    channel_statistics<4>(values + channel, pixels, stride, kWidth, mean + channel, deviations + channel);
  for (; channel < channels; channel += kWidth)
    channel_statistics<1>(values + channel, pixels, stride, channels - channel < kWidth ? channels - channel : kWidth,
                          mean + channel, deviations + channel);
}

}  // namespace

extern const StatisticsKernels statistics_kernels;
const StatisticsKernels statistics_kernels = {block_statistics};

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
