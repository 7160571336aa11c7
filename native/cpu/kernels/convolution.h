// Direct 3x3 convolution of a padded image; see convolution.cc.
#pragma once

#include <cstddef>

namespace deepyeast {

// Packed weights: [vectors of output channels][9][input channels][width], output channels past the last are zero.
// What follows in inference: value * scale + shift, then ReLU if asked.
struct ConvolutionEpilogue {
  const float* scale;
  const float* shift;
  bool relu;
};

struct ConvolutionKernels {
  // Output rows [0, rows) of row_width pixels. input: the padded pixel above and left of the first output pixel; its
  // rows are input_row floats apart, its pixels `channels`. Output pixels are output_channels floats apart, rows follow
  // each other. epilogue may be null.
  void (*forward)(const float* input, std::ptrdiff_t input_row, int channels, const float* packed_weights, int rows,
                  int row_width, const ConvolutionEpilogue* epilogue, float* output, int output_channels);
};

}  // namespace deepyeast
