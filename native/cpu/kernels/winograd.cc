// Winograd's minimal filtering with polynomials through the points 0, +-a, +-b (a = sqrt(1/2), b = sqrt(2)) and
// infinity, in one dimension and then in the other. With the input d (6 numbers), the weights g and the output y:
//   forward, F(4, 3):          y (4) = A [(G g (3)) * (B d)]
//   weight gradient, F(3, 4):  y (3) = A' [(G' g (4)) * (B d)], g the output gradient and y the weight gradient.
// Row k of A and A' has the k-th powers of the points; row i of G and G' the powers of point i divided by the product of
// its differences to the others (G' is kept free of that division: it is made up for at the end, in A'); row i of B the
// coefficients of the polynomial that is zero at the other points. Points come as +-: the even and the odd part of a
// row are computed once, then added and subtracted. These points have a quarter of the rounding error of 0, +-1, +-2.
//
// All loops are over whole vectors of channels, the innermost dimension in memory: no element moves across a vector.
#include "winograd.h"

#include "activation.h"
#include "vector.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

namespace {

constexpr float a = 0.70710678118654752f;
constexpr float b = 1.41421356237309505f;

// Products of rows x two vectors are kept in registers: 16 of 32, or 12 of 16. Two vectors and not more, so that a panel
// of 256 inputs (32 KB with AVX-512) stays in L1 from one block of rows to the next: four vectors, which need fewer loads
// of rows, were 8% slower with 256 inputs and no faster with 64.
constexpr int panel_width = 2 * width;
#if DEEPYEAST_AVX512 || defined(__aarch64__)
constexpr int most_rows = 8;
#else
constexpr int most_rows = 6;
#endif

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

// B d: the rows of infinity and 0, of +-a and of +-b.
DEEPYEAST_INLINE Vector input_row_0(Vector d0, Vector d2, Vector d4) { return fma(broadcast(-2.5f), d2, d4 + d0); }

DEEPYEAST_INLINE void input_rows_a(Vector d1, Vector d2, Vector d3, Vector d4, Vector* plus, Vector* minus) {
  const Vector even = fma(broadcast(-2.0f), d2, d4), odd = broadcast(a) * fma(broadcast(-2.0f), d1, d3);
  *plus = even + odd;
  *minus = even - odd;
}

DEEPYEAST_INLINE void input_rows_b(Vector d1, Vector d2, Vector d3, Vector d4, Vector* plus, Vector* minus) {
  const Vector even = fma(broadcast(-0.5f), d2, d4), odd = broadcast(b) * fma(broadcast(-0.5f), d1, d3);
  *plus = even + odd;
  *minus = even - odd;
}

// G' g without the division.
DEEPYEAST_INLINE void gradient_transform(const Vector g[4], Vector t[6]) {
  const Vector even_a = fma(broadcast(0.5f), g[2], g[0]);
  const Vector odd_a = broadcast(a) * fma(broadcast(0.5f), g[3], g[1]);
  const Vector even_b = fma(broadcast(2.0f), g[2], g[0]);
  const Vector odd_b = broadcast(b) * fma(broadcast(2.0f), g[3], g[1]);
  t[0] = g[0];
  t[1] = even_a + odd_a;
  t[2] = even_a - odd_a;
  t[3] = even_b + odd_b;
  t[4] = even_b - odd_b;
  t[5] = g[3];
}

// A m.
DEEPYEAST_INLINE void output_transform(const Vector m[6], Vector y[4]) {
  const Vector sum_a = m[1] + m[2], difference_a = m[1] - m[2];
  const Vector sum_b = m[3] + m[4], difference_b = m[3] - m[4];
  y[0] = m[0] + sum_a + sum_b;
  y[1] = broadcast(a) * fma(broadcast(2.0f), difference_b, difference_a);
  y[2] = fma(broadcast(2.0f), sum_b, broadcast(0.5f) * sum_a);
  y[3] = fma(broadcast(2.0f * b), difference_b, fma(broadcast(0.5f * a), difference_a, m[5]));
}

// G g.
DEEPYEAST_INLINE void weight_transform(const Vector g[3], Vector t[6]) {
  const Vector even_a = broadcast(-2.0f / 3.0f) * fma(broadcast(0.5f), g[2], g[0]);
  const Vector odd_a = broadcast(-2.0f / 3.0f * a) * g[1];
  const Vector even_b = broadcast(1.0f / 6.0f) * fma(broadcast(2.0f), g[2], g[0]);
  const Vector odd_b = broadcast(1.0f / 6.0f * b) * g[1];
  t[0] = g[0];
  t[1] = even_a + odd_a;
  t[2] = even_a - odd_a;
  t[3] = even_b + odd_b;
  t[4] = even_b - odd_b;
  t[5] = g[2];
}

// A' m with the division that gradient_transform left out.
DEEPYEAST_INLINE void weight_gradient_transform(const Vector m[6], Vector y[3]) {
  const Vector sum_a = broadcast(-2.0f / 3.0f) * (m[1] + m[2]);
  const Vector difference_a = broadcast(-2.0f / 3.0f * a) * (m[1] - m[2]);
  const Vector sum_b = broadcast(1.0f / 6.0f) * (m[3] + m[4]);
  const Vector difference_b = broadcast(1.0f / 6.0f * b) * (m[3] - m[4]);
  y[0] = m[0] + sum_a + sum_b;
  y[1] = difference_a + difference_b;
  y[2] = fma(broadcast(2.0f), sum_b, fma(broadcast(0.5f), sum_a, m[5]));
}

// Where tile `tile` of the batch begins: its image and its first output pixel.
struct TileOrigin {
  std::size_t image;
  int y, x;
  TileOrigin(const WinogradGrid& grid, int tile) {
    const int in_image = tile % (grid.rows * grid.columns);
    image = static_cast<std::size_t>(tile / (grid.rows * grid.columns)) * grid.height * grid.width * grid.channels;
    y = in_image / grid.columns * 4;
    x = in_image % grid.columns * 4;
  }
};

// Addresses of a square of pixels; those outside of the image lead to zeros.
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

// B d for one row of what the columns gave.
DEEPYEAST_INLINE void store_input_row(const Vector d[6], std::size_t position, float* transformed) {
  Vector plus_a, minus_a, plus_b, minus_b;
  input_rows_a(d[1], d[2], d[3], d[4], &plus_a, &minus_a);
  input_rows_b(d[1], d[2], d[3], d[4], &plus_b, &minus_b);
  store(transformed, input_row_0(d[0], d[2], d[4]));
  store(transformed + position, plus_a);
  store(transformed + 2 * position, minus_a);
  store(transformed + 3 * position, plus_b);
  store(transformed + 4 * position, minus_b);
  store(transformed + 5 * position, input_row_0(d[1], d[3], d[5]));
}

// One vector of channels of one tile: two rows at a time, because all six do not fit the registers; pixels are read
// again for each two, which costs less than to spill them.
template <bool whole>
DEEPYEAST_INLINE void transform_input_vector(const float* const pixels[6][6], int channel, int channels,
                                             WinogradRows rows, std::size_t position, float* transformed) {
  const auto pixel = [&](int i, int j) { return load_channels<whole>(pixels[i][j] + channel, channels); };
  const auto wanted = [&](int i) { return i >= rows.begin && i < rows.end; };
  const auto store_row = [&](int i, const Vector d[6]) {
    if (wanted(i)) store_input_row(d, position, transformed + (i - rows.begin) * 6 * position);
  };
  Vector upper[6], lower[6];
  if (wanted(0) || wanted(5)) {
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) {
      upper[j] = input_row_0(pixel(0, j), pixel(2, j), pixel(4, j));
      lower[j] = input_row_0(pixel(1, j), pixel(3, j), pixel(5, j));
    }
    store_row(0, upper);
    store_row(5, lower);
  }
  if (wanted(1) || wanted(2)) {
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j)
      input_rows_a(pixel(1, j), pixel(2, j), pixel(3, j), pixel(4, j), &upper[j], &lower[j]);
    store_row(1, upper);
    store_row(2, lower);
  }
  if (wanted(3) || wanted(4)) {
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j)
      input_rows_b(pixel(1, j), pixel(2, j), pixel(3, j), pixel(4, j), &upper[j], &lower[j]);
    store_row(3, upper);
    store_row(4, lower);
  }
}

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

void transform_input(const float* images, const WinogradGrid& grid, int first, int count, WinogradRows rows,
                     const WinogradLayout& layout, float* transformed) {
  for (int tile = 0; tile < count; ++tile) {
    const float* pixels[6][6];
    pixels_of<6>(images, grid, TileOrigin(grid, first + tile), 1, pixels);
    for (int c = 0; c < grid.channels; c += width) {
      float* target = transformed + c / layout.panel_width * layout.panel + tile * layout.tile + c % layout.panel_width;
      if (c + width <= grid.channels)
        transform_input_vector<true>(pixels, c, width, rows, layout.position, target);
      else
        transform_input_vector<false>(pixels, c, grid.channels - c, rows, layout.position, target);
    }
  }
}

// Meant to run between products, so that the input transform does not wait for memory. Of each tile, the 4x4 pixels
// that the tiles to the left and above do not read: four runs in memory.
void prefetch_input(const float* images, const WinogradGrid& grid, int first, int count, int part, int parts) {
  const int runs = count * 4;
  for (int run = runs * part / parts; run < runs * (part + 1) / parts; ++run) {
    const TileOrigin origin(grid, first + run / 4);
    const int y = origin.y + run % 4 + 1, x = origin.x + 1;
    if (y >= grid.height || x >= grid.width) continue;
    const int pixels = grid.width - x < 4 ? grid.width - x : 4;
    const float* source = images + origin.image + (static_cast<std::size_t>(y) * grid.width + x) * grid.channels;
    for (int offset = 0; offset < pixels * grid.channels; offset += 16) __builtin_prefetch(source + offset, 0, 2);
  }
}

void transform_gradient(const float* images, const WinogradGrid& grid, int first, int count, int channel, int channels,
                        WinogradRows rows, const WinogradLayout& layout, float* transformed) {
  for (int tile = 0; tile < count; ++tile) {
    const float* pixels[4][4];
    pixels_of<4>(images, grid, TileOrigin(grid, first + tile), 0, pixels);
    for (int c = 0; c < channels; c += width) {
      float* target = transformed + c / layout.panel_width * layout.panel + tile * layout.tile + c % layout.panel_width;
      if (c + width <= channels)
        transform_gradient_vector<true>(pixels, channel + c, width, rows, layout.position, target);
      else
        transform_gradient_vector<false>(pixels, channel + c, channels - c, rows, layout.position, target);
    }
  }
}

// The 4x4 output pixels of one vector of channels.
DEEPYEAST_INLINE void output_pixels(const float* transformed, std::size_t position, Vector y[4][4]) {
  Vector columns[4][6];
#pragma GCC unroll 6
  for (int j = 0; j < 6; ++j) {
    Vector m[6], t[4];
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) m[i] = load(transformed + (i * 6 + j) * position);
    output_transform(m, t);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) columns[i][j] = t[i];
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) output_transform(columns[i], y[i]);
}

// What is done with the output pixels.
enum class Output { linear, statistics, epilogue };

struct OutputTarget {
  const WinogradGrid& grid;
  const WinogradStatistics* statistics;
  const WinogradEpilogue* epilogue;
  float* images;
};

template <Output output, bool whole>
DEEPYEAST_INLINE void write_output(const OutputTarget& target, const TileOrigin& origin, int channel, int offset,
                                   int channels, bool first_tile, Vector y[4][4]) {
  const WinogradGrid& grid = target.grid;
  const int rows = grid.height - origin.y < 4 ? grid.height - origin.y : 4;
  const int columns = grid.width - origin.x < 4 ? grid.width - origin.x : 4;
  if (output == Output::epilogue) {
    const WinogradEpilogue& epilogue = *target.epilogue;
    const Vector scale = epilogue.scale ? load_channels<whole>(epilogue.scale + offset, channels) : broadcast(1.0f);
    const Vector shift = epilogue.shift ? load_channels<whole>(epilogue.shift + offset, channels) : broadcast(0.0f);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        y[i][j] = fma(y[i][j], scale, shift);
        if (epilogue.relu) y[i][j] = rectify(y[i][j]);
      }
    }
    if (epilogue.pool) {
      const std::size_t row = static_cast<std::size_t>(grid.width / 2) * grid.channels;
      float* pixel = target.images + origin.image / (static_cast<std::size_t>(grid.height) * grid.width) *
                                         (grid.height / 2) * (grid.width / 2) +
                     origin.y / 2 * row + static_cast<std::size_t>(origin.x / 2) * grid.channels + channel;
#pragma GCC unroll 2
      for (int i = 0; i < 2; ++i) {
#pragma GCC unroll 2
        for (int j = 0; j < 2; ++j) {
          const Vector upper = larger(y[2 * i][2 * j], y[2 * i][2 * j + 1]);
          const Vector lower = larger(y[2 * i + 1][2 * j], y[2 * i + 1][2 * j + 1]);
          if (i < rows / 2 && j < columns / 2)
            store_channels<whole>(pixel + i * row + j * grid.channels, larger(upper, lower), channels);
        }
      }
      return;
    }
  }
  const std::size_t row = static_cast<std::size_t>(grid.width) * grid.channels;
  float* pixel = target.images + origin.image + origin.y * row + static_cast<std::size_t>(origin.x) * grid.channels +
                 channel;
  Vector first = y[0][0], sum = broadcast(0.0f), square_sum = broadcast(0.0f);
  if (output == Output::statistics && !first_tile) {
    first = load_channels<whole>(target.statistics->first + offset, channels);
    sum = load_channels<whole>(target.statistics->sum + offset, channels);
    square_sum = load_channels<whole>(target.statistics->square_sum + offset, channels);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      if (i < rows && j < columns) {
        store_channels<whole>(pixel + i * row + j * grid.channels, y[i][j], channels);
        if (output == Output::statistics) {
          const Vector difference = y[i][j] - first;
          sum = sum + difference;
          square_sum = fma(difference, difference, square_sum);
        }
      }
    }
  }
  if (output == Output::statistics) {
    store_channels<whole>(target.statistics->first + offset, first, channels);
    store_channels<whole>(target.statistics->sum + offset, sum, channels);
    store_channels<whole>(target.statistics->square_sum + offset, square_sum, channels);
  }
}

template <Output output>
void transform_output_as(const float* transformed, const WinogradLayout& layout, const OutputTarget& target, int first,
                         int count, int channel, int channels) {
  for (int tile = 0; tile < count; ++tile) {
    const TileOrigin origin(target.grid, first + tile);
    const float* source = transformed + tile * layout.tile;
    Vector y[4][4];
    int c = 0;
    for (; c + width <= channels; c += width) {
      output_pixels(source + c, layout.position, y);
      write_output<output, true>(target, origin, channel + c, c, width, tile == 0, y);
    }
    if (c < channels) {
      output_pixels(source + c, layout.position, y);
      write_output<output, false>(target, origin, channel + c, c, channels - c, tile == 0, y);
    }
  }
}

void transform_output(const float* transformed, const WinogradLayout& layout, const WinogradGrid& grid, int first,
                      int count, int channel, int channels, const WinogradStatistics* statistics,
                      const WinogradEpilogue* epilogue, float* images) {
  const OutputTarget target = {grid, statistics, epilogue, images};
  if (epilogue)
    transform_output_as<Output::epilogue>(transformed, layout, target, first, count, channel, channels);
  else if (statistics)
    transform_output_as<Output::statistics>(transformed, layout, target, first, count, channel, channels);
  else
    transform_output_as<Output::linear>(transformed, layout, target, first, count, channel, channels);
}

// The transformed 3x3 weights of one vector of inputs: rows, then columns.
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

// Vectors run along the outputs, as the panels do: the nine taps of a block of kernels are turned first, which moves a
// quarter of the numbers that turning their transforms would.
void transform_weights(const float* weights, int inputs, int first, int count, std::size_t position, std::size_t panel,
                       float* transformed) {
  float turned[9][width][width];  // [tap][input][output]
  for (int block = 0; block < count; block += width) {
    const int outputs = count - block < width ? count - block : width;
    float* const target = transformed + block / panel_width * panel + block % panel_width;
    for (int input = 0; input < inputs; input += width) {
      const int lanes = inputs - input < width ? inputs - input : width;
      for (int output = 0; output < outputs; ++output) {
        const float* kernel = weights + static_cast<std::size_t>(first + block + output) * 9 * inputs + input;
        for (int tap = 0; tap < 9; ++tap)
          for (int lane = 0; lane < lanes; ++lane) turned[tap][lane][output] = kernel[tap * inputs + lane];
      }
      for (int lane = 0; lane < lanes; ++lane) {
        Vector u[6][6];
        if (outputs == width)
          transform_kernel<true, false>(turned[0][lane], width * width, width, u);
        else
          transform_kernel<false, false>(turned[0][lane], width * width, outputs, u);
        float* const place = target + static_cast<std::size_t>(input + lane) * panel_width;
        for (int p = 0; p < winograd_positions; ++p) store(place + p * position, u[p / 6][p % 6]);
      }
    }
  }
}

void transform_weights_rotated(const float* weights, int inputs, int outputs, int first, int count,
                               std::size_t position, std::size_t panel, float* transformed) {
  for (int output = 0; output < outputs; ++output) {
    for (int input = 0; input < count; input += width) {
      const int lanes = count - input < width ? count - input : width;
      const float* kernel = weights + static_cast<std::size_t>(output) * 9 * inputs + first + input;
      Vector u[6][6];
      if (lanes == width)
        transform_kernel<true, true>(kernel, inputs, width, u);
      else
        transform_kernel<false, true>(kernel, inputs, lanes, u);
      float* target = transformed + input / panel_width * panel + static_cast<std::size_t>(output) * panel_width +
                      input % panel_width;
      for (int p = 0; p < winograd_positions; ++p) store(target + p * position, u[p / 6][p % 6]);
    }
  }
}

void transform_weight_gradient(const float* products, std::size_t position, int inputs, float* gradient) {
  for (int input = 0; input < inputs; input += width) {
    const int lanes = inputs - input < width ? inputs - input : width;
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
        store_first(gradient + static_cast<std::size_t>(i * 3 + j) * inputs + input, y[j], lanes);
    }
  }
}

template <int rows, int vectors>
void multiply_block(int steps, const float* left, std::size_t left_row, std::size_t left_step, const float* right,
                    const float* ahead, int ahead_step, float* product, std::size_t product_row, bool accumulate) {
  Vector sums[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[r][v] = broadcast(0.0f);
  if (accumulate)  // what will be added to, while the loop runs
    for (int r = 0; r < rows; ++r)
      for (int v = 0; v < vectors * width; v += 16) __builtin_prefetch(product + r * product_row + v, 1, 3);
  for (int s = 0; s < steps; ++s) {
    Vector factors[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) factors[v] = load(right + v * width);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const Vector factor = broadcast(left[r * left_row]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sums[r][v] = fma(factor, factors[v], sums[r][v]);
    }
    __builtin_prefetch(ahead, 0, 2);
    __builtin_prefetch(ahead + ahead_step / 2, 0, 2);
    ahead += ahead_step;
    left += left_step;
    right += panel_width;
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      float* target = product + r * product_row + v * width;
      store(target, accumulate ? load(target) + sums[r][v] : sums[r][v]);
    }
  }
}

using MultiplyBlock = void (*)(int, const float*, std::size_t, std::size_t, const float*, const float*, int, float*,
                               std::size_t, bool);

constexpr MultiplyBlock multiply_blocks[8][2] = {
    {multiply_block<1, 1>, multiply_block<1, 2>}, {multiply_block<2, 1>, multiply_block<2, 2>},
    {multiply_block<3, 1>, multiply_block<3, 2>}, {multiply_block<4, 1>, multiply_block<4, 2>},
    {multiply_block<5, 1>, multiply_block<5, 2>}, {multiply_block<6, 1>, multiply_block<6, 2>},
    {multiply_block<7, 1>, multiply_block<7, 2>}, {multiply_block<8, 1>, multiply_block<8, 2>},
};

void multiply(int rows, int columns, int steps, const float* left, std::size_t left_row, std::size_t left_step,
              const float* right, float* product, std::size_t product_row, bool accumulate) {
  const int vectors = (columns + width - 1) / width;
  // Blocks of nearly equal height: one of few rows would wait for its own sums.
  const int blocks = (rows + most_rows - 1) / most_rows;
  // The next panel comes from further away than L2, and nothing else would fetch it in time. The blocks of rows prefetch
  // equal parts of it, so that memory never rests.
  const int ahead_step = (panel_width + blocks - 1) / blocks;
  const float* ahead = right + static_cast<std::ptrdiff_t>(steps) * panel_width;
  for (int block = 0, row = 0; block < blocks; ++block) {
    const int count = (rows - row + blocks - block - 1) / (blocks - block);
    multiply_blocks[count - 1][vectors - 1](steps, left + row * left_row, left_row, left_step, right, ahead, ahead_step,
                                            product + row * product_row, product_row, accumulate);
    ahead += static_cast<std::ptrdiff_t>(steps) * ahead_step;
    row += count;
  }
}

}  // namespace

extern const WinogradKernels winograd_kernels;
const WinogradKernels winograd_kernels = {
    panel_width,       transform_input,           prefetch_input,            transform_gradient, transform_output,
    transform_weights, transform_weights_rotated, transform_weight_gradient, multiply,
};

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
