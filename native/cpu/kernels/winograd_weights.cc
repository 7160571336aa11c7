// The Winograd convolution's weights: 3x3 kernels to 36 positions, for the forward pass and, rotated by 180 degrees with
// inputs and outputs exchanged, for the data gradient.
#include "winograd_functions.h"
#include "winograd_tiles.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

namespace {

// G =  [  1      0      0  ]
//      [ -2/3  -2a/3  -1/3 ]
//      [ -2/3   2a/3  -1/3 ]
//      [ 1/6     b/6   1/3 ]
//      [ 1/6    -b/6   1/3 ]
//      [  0      0      1  ]
//
// G g.
DEEPYEAST_INLINE void weight_transform(const Vector g[3], Vector t[6]) {
  const Vector even_a = broadcast(-2.0f / 3.0f) * fma(broadcast(0.5f), g[2], g[0]);
  const Vector odd_a = broadcast(-2.0f / 3.0f * kA) * g[1];
  const Vector even_b = broadcast(1.0f / 6.0f) * fma(broadcast(2.0f), g[2], g[0]);
  const Vector odd_b = broadcast(1.0f / 6.0f * kB) * g[1];
  t[0] = g[0];
  t[1] = even_a + odd_a;
  t[2] = even_a - odd_a;
  t[3] = even_b + odd_b;
  t[4] = even_b - odd_b;
  t[5] = g[2];
}

// Transforms the 3x3 kernels of one vector of channels: in one dimension, then in the other. rotated: by 180 degrees.
template <bool whole, bool rotated>
DEEPYEAST_INLINE void transform_kernel(const float* weights, int inputs, int channels, Vector u[6][6]) {
  Vector columns[6][3];
#pragma GCC unroll 3
  for (int j = 0; j < 3; ++j) {
    Vector g[3], t[6];
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i) {
      const int tap = rotated ? 8 - (i * 3 + j) : i * 3 + j;
      g[i] = load_channels<whole>(weights + static_cast<std::size_t>(tap) * inputs, channels);
    }
    weight_transform(g, t);
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) columns[i][j] = t[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < 6; ++i) weight_transform(columns[i], u[i]);
}

}  // namespace

// Vectors run along the outputs, as the panels do, but along the inputs in the weights. A square of kernels is therefore
// transposed, and before it is transformed: 9 numbers a kernel instead of 36.
void transform_weights(const float* weights, int inputs, int first, int count, std::size_t position, std::size_t panel,
                       float* transformed) {
  float transposed[9][kWidth][kWidth];  // [tap][input][output]
  for (int output = 0; output < count; output += kWidth) {
    const int output_count = count - output < kWidth ? count - output : kWidth;
    float* const target = transformed + output / kPanelWidth * panel + output % kPanelWidth;
    for (int input = 0; input < inputs; input += kWidth) {
      const int input_count = inputs - input < kWidth ? inputs - input : kWidth;
      for (int o = 0; o < output_count; ++o) {
        const float* kernel = weights + static_cast<std::size_t>(first + output + o) * 9 * inputs + input;
        for (int tap = 0; tap < 9; ++tap)
          for (int i = 0; i < input_count; ++i) transposed[tap][i][o] = kernel[tap * inputs + i];
      }
      for (int i = 0; i < input_count; ++i) {
        Vector u[6][6];
        if (output_count == kWidth)
          transform_kernel<true, false>(transposed[0][i], kWidth * kWidth, kWidth, u);
        else
          transform_kernel<false, false>(transposed[0][i], kWidth * kWidth, output_count, u);
        float* const place = target + static_cast<std::size_t>(input + i) * kPanelWidth;
        for (int p = 0; p < kWinogradPositions; ++p) store(place + p * position, u[p / 6][p % 6]);
      }
    }
  }
}

// For the data gradient, outputs and inputs change places: vectors run along the weights' inputs, as they lie in memory.
void transform_weights_rotated(const float* weights, int inputs, int outputs, int first, int count,
                               std::size_t position, std::size_t panel, float* transformed) {
  for (int output = 0; output < outputs; ++output) {
    for (int input = 0; input < count; input += kWidth) {
      const int channels = count - input < kWidth ? count - input : kWidth;
      const float* kernel = weights + static_cast<std::size_t>(output) * 9 * inputs + first + input;
      Vector u[6][6];
      if (channels == kWidth)
        transform_kernel<true, true>(kernel, inputs, kWidth, u);
      else
        transform_kernel<false, true>(kernel, inputs, channels, u);
      float* target = transformed + input / kPanelWidth * panel + static_cast<std::size_t>(output) * kPanelWidth +
                      input % kPanelWidth;
      for (int p = 0; p < kWinogradPositions; ++p) store(target + p * position, u[p / 6][p % 6]);
    }
  }
}

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
