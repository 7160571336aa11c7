// Direct 3x3 convolution, stride 1, of an image that has its border of zeros in memory.
//
// For each output pixel the nine taps times `channels` inputs are three runs of 3 * channels consecutive floats of the
// channels-last image, so the inner loop runs over 3 * channels and knows no taps. A tile of `pixels` neighbouring
// output pixels times two vectors of output channels stays in registers for the whole sum: each step loads two vectors
// of packed weights and broadcasts one input per pixel, 2 * pixels multiply-adds for pixels + 2 loads. 8 x 2 tiles use 16
// of the 32 AVX-512 registers as accumulators, enough to hide the latency of the multiply-add (4 cycles) and a divisor of
// the usual row widths; 6 x 2 fill the 16 registers of AVX2.
//
// The weights of two vectors (at most 295 KB for 256 channels) are read from the second-level cache once per tile, 128
// bytes in 16 multiply-adds, which it can deliver several times over; no blocking over input channels is needed.
#include "convolution.h"

#include "activation.h"
#include "vector.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

namespace {

constexpr int kTilePixels = kRegisters == 32 ? 8 : 6;

// The channels that a call of convolve_rows computes, up to two vectors, and what happens to them.
struct OutputChannels {
  float* output;       // of the first pixel
  int pixel;           // floats from pixel to pixel
  int last;            // channels of the last vector that exist
  const float* scale;  // null without an epilogue
  const float* shift;
  bool relu;
};

// One tile: pixels x vectors.
template <int pixels, int vectors>
void convolve_tile(const float* input, std::ptrdiff_t input_row, int channels, const float* weights,
                   const OutputChannels& target, std::ptrdiff_t first_pixel) {
  const std::ptrdiff_t next_vector = std::ptrdiff_t{9} * channels * kWidth;
  Vector sums[pixels][vectors] = {};
  for (int y = 0; y < 3; ++y, input += input_row) {
    for (int i = 0; i < 3 * channels; ++i, weights += kWidth) {
      Vector weight[vectors];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) weight[v] = load(weights + v * next_vector);
#pragma GCC unroll 8
      for (int p = 0; p < pixels; ++p) {
        const Vector value = broadcast(input[p * channels + i]);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) sums[p][v] = fma(value, weight[v], sums[p][v]);
      }
    }
  }
  const auto channels_of = [&](int v) { return v < vectors - 1 ? kWidth : target.last; };
  if (target.scale != nullptr) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      const Vector scale = load_first(target.scale + v * kWidth, channels_of(v));
      const Vector shift = load_first(target.shift + v * kWidth, channels_of(v));
#pragma GCC unroll 8
      for (int p = 0; p < pixels; ++p) {
        sums[p][v] = fma(sums[p][v], scale, shift);
        if (target.relu) sums[p][v] = rectify(sums[p][v]);
      }
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < pixels; ++p) {
    float* output = target.output + (first_pixel + p) * target.pixel;
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      if (channels_of(v) == kWidth) store(output + v * kWidth, sums[p][v]);
      else store_first(output + v * kWidth, sums[p][v], target.last);
    }
  }
}

// `remaining` pixels, fewer than a whole tile.
template <int pixels, int vectors>
void convolve_rest(int remaining, const float* input, std::ptrdiff_t input_row, int channels, const float* weights,
                   const OutputChannels& target, std::ptrdiff_t first_pixel) {
  if constexpr (pixels > 0) {
    if (remaining == pixels)
      convolve_tile<pixels, vectors>(input, input_row, channels, weights, target, first_pixel);
    else
      convolve_rest<pixels - 1, vectors>(remaining, input, input_row, channels, weights, target, first_pixel);
  }
}

template <int vectors>
void convolve_rows(const float* input, std::ptrdiff_t input_row, int channels, const float* weights, int rows,
                   int row_width, const OutputChannels& target) {
  for (int y = 0; y < rows; ++y) {
    const float* source = input + y * input_row;
    const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(y) * row_width;
    int x = 0;
    for (; x + kTilePixels <= row_width; x += kTilePixels)
      convolve_tile<kTilePixels, vectors>(source + static_cast<std::ptrdiff_t>(x) * channels, input_row, channels,
                                          weights, target, row + x);
    convolve_rest<kTilePixels - 1, vectors>(row_width - x, source + static_cast<std::ptrdiff_t>(x) * channels,
                                            input_row, channels, weights, target, row + x);
  }
}

void convolution_forward(const float* input, std::ptrdiff_t input_row, int channels, const float* packed_weights,
                         int rows, int row_width, const ConvolutionEpilogue* epilogue, float* output,
                         int output_channels) {
  const std::ptrdiff_t next_vector = std::ptrdiff_t{9} * channels * kWidth;
  for (int channel = 0; channel < output_channels; channel += 2 * kWidth, packed_weights += 2 * next_vector) {
    const int left = output_channels - channel, last = left > kWidth ? left - kWidth : left;
    const OutputChannels target = {output + channel,
                                   output_channels,
                                   last < kWidth ? last : kWidth,
                                   epilogue ? epilogue->scale + channel : nullptr,
                                   epilogue ? epilogue->shift + channel : nullptr,
                                   epilogue && epilogue->relu};
    if (left > kWidth)
      convolve_rows<2>(input, input_row, channels, packed_weights, rows, row_width, target);
    else
      convolve_rows<1>(input, input_row, channels, packed_weights, rows, row_width, target);
  }
}

}  // namespace

extern const ConvolutionKernels convolution_kernels;
const ConvolutionKernels convolution_kernels = {convolution_forward};

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
