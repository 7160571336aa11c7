// The Winograd convolution's weight gradient, F(3x3, 4x4): tiles of the output gradient to 36 positions, and the sums of
// products to the gradient of a 3x3 kernel. The input is transformed as in the forward pass.
#include "winograd_functions.h"
#include "winograd_tiles.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

namespace {

// G' = [ 1   0   0     0  ]  without the division, for which A' makes up
//      [ 1   a  1/2   a/2 ]
//      [ 1  -a  1/2  -a/2 ]
//      [ 1   b   2    2b  ]
//      [ 1  -b   2   -2b  ]
//      [ 0   0   0     1  ]
//
// G' g.
DEEPYEAST_INLINE void gradient_transform(const Vector g[4], Vector t[6]) {
  const Vector even_a = fma(broadcast(0.5f), g[2], g[0]);
  const Vector odd_a = broadcast(kA) * fma(broadcast(0.5f), g[3], g[1]);
  const Vector even_b = fma(broadcast(2.0f), g[2], g[0]);
  const Vector odd_b = broadcast(kB) * fma(broadcast(2.0f), g[3], g[1]);
  t[0] = g[0];
  t[1] = even_a + odd_a;
  t[2] = even_a - odd_a;
  t[3] = even_b + odd_b;
  t[4] = even_b - odd_b;
  t[5] = g[3];
}

// A' = [ 1  -2/3   -2/3   1/6   1/6   0 ]
//      [ 0  -2a/3  2a/3   b/6  -b/6   0 ]
//      [ 0  -1/3   -1/3   1/3   1/3   1 ]
//
// A' m.
DEEPYEAST_INLINE void weight_gradient_transform(const Vector m[6], Vector y[3]) {
  const Vector sum_a = broadcast(-2.0f / 3.0f) * (m[1] + m[2]);
  const Vector difference_a = broadcast(-2.0f / 3.0f * kA) * (m[1] - m[2]);
  const Vector sum_b = broadcast(1.0f / 6.0f) * (m[3] + m[4]);
  const Vector difference_b = broadcast(1.0f / 6.0f * kB) * (m[3] - m[4]);
  y[0] = m[0] + sum_a + sum_b;
  y[1] = difference_a + difference_b;
  y[2] = fma(broadcast(2.0f), sum_b, fma(broadcast(0.5f), sum_a, m[5]));
}

// Transforms one vector of channels of one tile.
template <bool whole>
DEEPYEAST_INLINE void transform_gradient_vector(const float* const pixels[4][4], int channel, int channels,
                                                WinogradRows rows, std::size_t position, float* transformed) {
  Vector columns[6][4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    Vector g[4], t[6];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) g[i] = load_channels<whole>(pixels[i][j] + channel, channels);
    gradient_transform(g, t);
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) columns[i][j] = t[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < 6; ++i) {
    if (i < rows.begin || i >= rows.end) continue;
    Vector t[6];
    gradient_transform(columns[i], t);
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) store(transformed + ((i - rows.begin) * 6 + j) * position, t[j]);
  }
}

}  // namespace

void transform_gradient(const float* images, const WinogradGrid& grid, int first, int count, int channel, int channels,
                        WinogradRows rows, const WinogradLayout& layout, float* transformed) {
  for (int tile = 0; tile < count; ++tile) {
    const float* pixels[4][4];
    pixels_of<4>(images, grid, TileOrigin(grid, first + tile), 0, pixels);
    for (int c = 0; c < channels; c += kWidth) {
      float* target = transformed + c / layout.panel_width * layout.panel + tile * layout.tile + c % layout.panel_width;
      if (c + kWidth <= channels)
        transform_gradient_vector<true>(pixels, channel + c, kWidth, rows, layout.position, target);
      else
        transform_gradient_vector<false>(pixels, channel + c, channels - c, rows, layout.position, target);
    }
  }
}

void transform_weight_gradient(const float* products, std::size_t position, int inputs, float* gradient) {
  for (int input = 0; input < inputs; input += kWidth) {
    const int channels = inputs - input < kWidth ? inputs - input : kWidth;
    Vector columns[3][6];
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) {
      Vector m[6], t[3];
#pragma GCC unroll 6
      for (int i = 0; i < 6; ++i) m[i] = load(products + (i * 6 + j) * position + input);
      weight_gradient_transform(m, t);
#pragma GCC unroll 3
      for (int i = 0; i < 3; ++i) columns[i][j] = t[i];
    }
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i) {
      Vector y[3];
      weight_gradient_transform(columns[i], y);
#pragma GCC unroll 3
      for (int j = 0; j < 3; ++j)
        store_first(gradient + static_cast<std::size_t>(i * 3 + j) * inputs + input, y[j], channels);
    }
  }
}

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
