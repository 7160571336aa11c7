// Direct 3x3 convolution on one padded image; see convolution.cc.
#pragma once

namespace deepyeast {

struct ConvolutionKernels {
  // Output rows [0, rows) of `row_width` pixels each. input: the padded pixel above and left of the first output pixel,
  // rows input_row floats apart, pixels `channels` floats apart. weights: packed [output_channels / width][9][channels]
  // [width]. output: rows output_row floats apart, pixels output_channels apart.
  void (*forward)(const float* input, long input_row, int channels, const float* weights, int rows, int row_width,
                  float* output, long output_row, int output_channels);
};

}  // namespace deepyeast
