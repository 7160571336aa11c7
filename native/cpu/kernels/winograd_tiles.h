// What the transforms of the Winograd convolution share: the points, and how a tile's pixels are found.
//
// Winograd's minimal filtering multiplies polynomials through the points 0, +-a, +-b (a = sqrt(1/2), b = sqrt(2)) and
// infinity, in one dimension and then in the other. With the input d (6 numbers), the weights g and the output y:
//
//   forward, F(4, 3):          y (4) = A [(G g (3)) * (B d)]
//   weight gradient, F(3, 4):  y (3) = A' [(G' g (4)) * (B d)], g the output gradient and y the weight gradient
//
// Row k of A and A' has the k-th powers of the points. Row i of G and G' has the powers of point i, divided by the product
// of its differences to the other points (G' leaves the division to A'). Row i of B has the coefficients of the polynomial
// that is zero at the other points. Since points come as +-, the even and the odd part of a row are computed once, then
// added and subtracted. These points have a quarter of the rounding error of 0, +-1, +-2. The matrices stand above the
// functions that apply them.
//
// All loops are over whole vectors of channels, the innermost dimension in memory: no element moves across a vector.
#pragma once

#include "vector.h"
#include "winograd.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

constexpr float kA = 0.70710678118654752f;
constexpr float kB = 1.41421356237309505f;

// Columns of a panel: two vectors and not more, so that a panel of 256 inputs (32 KB with AVX-512) stays in L1 from one
// block of rows of the product to the next. Four vectors, which need fewer loads of rows, were 8% slower with 256 inputs
// and no faster with 64.
constexpr int kPanelWidth = 2 * kWidth;

// `whole`: the vector is full; else only the first `channels` elements are there.
template <bool whole>
DEEPYEAST_INLINE Vector load_channels(const float* source, int channels) {
  return whole ? load(source) : load_first(source, channels);
}

template <bool whole>
DEEPYEAST_INLINE void store_channels(float* target, Vector value, int channels) {
  if (whole)
    store(target, value);
  else
    store_first(target, value, channels);
}

// Where tile `tile` of the batch begins.
struct TileOrigin {
  std::size_t image;  // the first value of its image
  int y, x;           // its first output pixel
  TileOrigin(const WinogradGrid& grid, int tile) {
    const int in_image = tile % (grid.rows * grid.columns);
    image = static_cast<std::size_t>(tile / (grid.rows * grid.columns)) * grid.height * grid.width * grid.channels;
    y = in_image / grid.columns * 4;
    x = in_image % grid.columns * 4;
  }
};

// Addresses of the square of pixels that begins `margin` above and to the left of a tile. Pixels outside of the image
// are at grid.zeros.
template <int size>
DEEPYEAST_INLINE void pixels_of(const float* images, const WinogradGrid& grid, const TileOrigin& origin, int margin,
                                const float* pixels[size][size]) {
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < size; ++j) {
      const int y = origin.y + i - margin, x = origin.x + j - margin;
      const bool inside = y >= 0 && y < grid.height && x >= 0 && x < grid.width;
      pixels[i][j] =
          inside ? images + origin.image + (static_cast<std::size_t>(y) * grid.width + x) * grid.channels : grid.zeros;
    }
  }
}

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
