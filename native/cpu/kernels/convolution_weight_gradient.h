// Weight gradient of the 3x3 convolution; see convolution_weight_gradient.cc.
#pragma once

#include <cstddef>

namespace deepyeast {

struct WeightGradientKernels {
  // Adds the weight gradient of `rows` output rows to accumulator [vectors][3][taps][columns][width]. input: the padded
  // pixel above and left of the first; its rows are input_row floats apart, its pixels input_pixel floats apart. Either
  // taps = 3 with columns = channels, or, for few channels with input_pixel = channels, taps = 1 with columns =
  // 3 * channels: the three pixels under a row of the kernel are then one run of columns.
  // gradient: [vectors][rows * row_width][width], see pack_gradient.
  void (*weight_gradient)(const float* input, std::ptrdiff_t input_row, std::ptrdiff_t input_pixel, int taps,
                          int columns, const float* gradient, int vectors, int rows, int row_width,
                          float* accumulator);

  // [pixels][channels] to [vectors][pixels][width], zero past the last channel.
  void (*pack_gradient)(const float* gradient, std::ptrdiff_t pixels, int channels, float* packed);

  // Sum over chunks, in their order, of count floats each; chunks are `stride` floats apart. Into the first.
  void (*add_chunks)(float* chunks, int number, std::ptrdiff_t stride, std::ptrdiff_t count);
};

}  // namespace deepyeast
