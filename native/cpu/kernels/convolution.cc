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

#include "vector.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

namespace {

constexpr int tile_pixels = width == 16 ? 8 : 6;

// One tile: pixels x vectors. count: channels of the last vector that exist.
template <int pixels, int vectors>
void convolve_tile(const float* input, std::ptrdiff_t input_row, int channels, const float* weights, float* output,
                   int output_channels, int count) {
  const std::ptrdiff_t next_vector = std::ptrdiff_t{9} * channels * width;
  Vector sums[pixels][vectors] = {};
  for (int y = 0; y < 3; ++y, input += input_row) {
    for (int i = 0; i < 3 * channels; ++i, weights += width) {
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
#pragma GCC unroll 8
  for (int p = 0; p < pixels; ++p) {
    float* target = output + static_cast<std::ptrdiff_t>(p) * output_channels;
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      if (v < vectors - 1 || count == width) store(target + v * width, sums[p][v]);
      else store_first(target + v * width, sums[p][v], count);
    }
  }
}

// `remaining` pixels, fewer than a whole tile.
template <int pixels, int vectors>
void convolve_rest(int remaining, const float* input, std::ptrdiff_t input_row, int channels, const float* weights,
                   float* output, int output_channels, int count) {
  if constexpr (pixels > 0) {
    if (remaining == pixels)
      convolve_tile<pixels, vectors>(input, input_row, channels, weights, output, output_channels, count);
    else
      convolve_rest<pixels - 1, vectors>(remaining, input, input_row, channels, weights, output, output_channels,
                                         count);
  }
}

template <int vectors>
void convolve_rows(const float* input, std::ptrdiff_t input_row, int channels, const float* weights, int rows,
                   int row_width, float* output, int output_channels, int count) {
  for (int y = 0; y < rows; ++y) {
    const float* source = input + y * input_row;
    float* target = output + static_cast<std::ptrdiff_t>(y) * row_width * output_channels;
    int x = 0;
    for (; x + tile_pixels <= row_width; x += tile_pixels)
      convolve_tile<tile_pixels, vectors>(source + static_cast<std::ptrdiff_t>(x) * channels, input_row, channels,
                                          weights, target + static_cast<std::ptrdiff_t>(x) * output_channels,
                                          output_channels, count);
    convolve_rest<tile_pixels - 1, vectors>(row_width - x, source + static_cast<std::ptrdiff_t>(x) * channels,
                                            input_row, channels, weights,
                                            target + static_cast<std::ptrdiff_t>(x) * output_channels, output_channels,
                                            count);
  }
}

void convolution_forward(const float* input, std::ptrdiff_t input_row, int channels, const float* packed_weights,
                         int rows, int row_width, float* output, int output_channels) {
  const std::ptrdiff_t next_vector = std::ptrdiff_t{9} * channels * width;
  int channel = 0;
  for (; output_channels - channel > width; channel += 2 * width, packed_weights += 2 * next_vector) {
    const int left = output_channels - channel - width;
    convolve_rows<2>(input, input_row, channels, packed_weights, rows, row_width, output + channel, output_channels,
                     left < width ? left : width);
  }
  if (channel < output_channels)
    convolve_rows<1>(input, input_row, channels, packed_weights, rows, row_width, output + channel, output_channels,
                     output_channels - channel);
}

}  // namespace

extern const ConvolutionKernels convolution_kernels;
const ConvolutionKernels convolution_kernels = {convolution_forward};

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
