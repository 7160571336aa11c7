// What follows a layer's linear output in inference; see inference.cc.
#pragma once

#include <cstddef>

namespace deepyeast {

struct InferenceKernels {
  // output = input * scale + shift, then ReLU if asked; [pixels][channels]. scale and shift may be null. input may be
  // output.
  void (*affine)(const float* input, std::ptrdiff_t pixels, int channels, const float* scale, const float* shift,
                 bool relu, float* output);
  // The same, then a 2x2 max pool of one pair of rows: input [2][row_width][channels], output [row_width / 2][channels].
  void (*affine_pool)(const float* input, int row_width, int channels, const float* scale, const float* shift, bool relu,
                      float* output);
};

}  // namespace deepyeast
