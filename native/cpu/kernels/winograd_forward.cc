// The Winograd convolution's images: tiles of input to 36 positions, and products back to output pixels. The data gradient
// uses the same transforms, with other weights.
#include "activation.h"
#include "winograd_functions.h"
#include "winograd_tiles.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

namespace {

// B =  [ 1    0    -5/2   0    1   0 ]
//      [ 0  -2a    -2     a    1   0 ]
//      [ 0   2a    -2    -a    1   0 ]
//      [ 0  -b/2   -1/2   b    1   0 ]
//      [ 0   b/2   -1/2  -b    1   0 ]
//      [ 0    1     0   -5/2   0   1 ]
//
// The first row of B d; the last one has the same coefficients for d1, d3 and d5.
DEEPYEAST_INLINE Vector input_row_0(Vector d0, Vector d2, Vector d4) { return fma(broadcast(-2.5f), d2, d4 + d0); }

// The second and third row.
DEEPYEAST_INLINE void input_rows_a(Vector d1, Vector d2, Vector d3, Vector d4, Vector* plus, Vector* minus) {
  const Vector even = fma(broadcast(-2.0f), d2, d4), odd = broadcast(kA) * fma(broadcast(-2.0f), d1, d3);
  *plus = even + odd;
  *minus = even - odd;
}

// The fourth and fifth row.
DEEPYEAST_INLINE void input_rows_b(Vector d1, Vector d2, Vector d3, Vector d4, Vector* plus, Vector* minus) {
  const Vector even = fma(broadcast(-0.5f), d2, d4), odd = broadcast(kB) * fma(broadcast(-0.5f), d1, d3);
  *plus = even + odd;
  *minus = even - odd;
}

// One row of the transformed tile, from what B made of the columns.
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

// Transforms one vector of channels of one tile, two rows at a time because all six do not fit the registers. The pixels
// are read again for every two rows, which costs less than to spill them.
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

// A =  [ 1   1     1     1    1   0 ]
//      [ 0   a    -a     b   -b   0 ]
//      [ 0  1/2   1/2    2    2   0 ]
//      [ 0  a/2  -a/2   2b  -2b   1 ]
//
// A m.
DEEPYEAST_INLINE void output_transform(const Vector m[6], Vector y[4]) {
  const Vector sum_a = m[1] + m[2], difference_a = m[1] - m[2];
  const Vector sum_b = m[3] + m[4], difference_b = m[3] - m[4];
  y[0] = m[0] + sum_a + sum_b;
  y[1] = broadcast(kA) * fma(broadcast(2.0f), difference_b, difference_a);
  y[2] = fma(broadcast(2.0f), sum_b, broadcast(0.5f) * sum_a);
  y[3] = fma(broadcast(2.0f * kB), difference_b, fma(broadcast(0.5f * kA), difference_a, m[5]));
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

// What becomes of the output pixels beside being stored.
enum class Output { linear, statistics, epilogue };

struct OutputTarget {
  const WinogradGrid& grid;
  const WinogradStatistics* statistics;
  const WinogradEpilogue* epilogue;
  float* images;
};

// A tile's vector of channels in the output: where it goes, and how much of it lies inside of the image.
struct OutputTile {
  const TileOrigin& origin;
  int rows, columns;      // of pixels inside of the image
  int channel, channels;  // the vector's first channel, and how many of its elements are channels
  int offset;             // of the first channel in statistics and epilogue

  OutputTile(const WinogradGrid& grid, const TileOrigin& origin, int channel, int channels, int offset)
      : origin(origin), rows(grid.height - origin.y < 4 ? grid.height - origin.y : 4),
        columns(grid.width - origin.x < 4 ? grid.width - origin.x : 4), channel(channel), channels(channels),
        offset(offset) {}
};

// Scale, shift and ReLU.
template <bool whole>
DEEPYEAST_INLINE void apply_epilogue(const WinogradEpilogue& epilogue, const OutputTile& tile, Vector y[4][4]) {
  const Vector scale =
      epilogue.scale ? load_channels<whole>(epilogue.scale + tile.offset, tile.channels) : broadcast(1.0f);
  const Vector shift =
      epilogue.shift ? load_channels<whole>(epilogue.shift + tile.offset, tile.channels) : broadcast(0.0f);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      y[i][j] = fma(y[i][j], scale, shift);
      if (epilogue.relu) y[i][j] = rectify(y[i][j]);
    }
  }
}

// The largest of every 2x2 pixels.
template <bool whole>
DEEPYEAST_INLINE void store_pooled(const OutputTarget& target, const OutputTile& tile, const Vector y[4][4]) {
  const WinogradGrid& grid = target.grid;
  const TileOrigin& origin = tile.origin;
  const std::size_t row = static_cast<std::size_t>(grid.width / 2) * grid.channels;
  float* pixel = target.images + origin.image / (static_cast<std::size_t>(grid.height) * grid.width) *
                                     (grid.height / 2) * (grid.width / 2) +
                 origin.y / 2 * row + static_cast<std::size_t>(origin.x / 2) * grid.channels + tile.channel;
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      const Vector upper = larger(y[2 * i][2 * j], y[2 * i][2 * j + 1]);
      const Vector lower = larger(y[2 * i + 1][2 * j], y[2 * i + 1][2 * j + 1]);
      if (i < tile.rows / 2 && j < tile.columns / 2)
        store_channels<whole>(pixel + i * row + j * grid.channels, larger(upper, lower), tile.channels);
    }
  }
}

template <bool whole>
DEEPYEAST_INLINE void store_pixels(const OutputTarget& target, const OutputTile& tile, const Vector y[4][4]) {
  const WinogradGrid& grid = target.grid;
  const TileOrigin& origin = tile.origin;
  const std::size_t row = static_cast<std::size_t>(grid.width) * grid.channels;
  float* pixel = target.images + origin.image + origin.y * row + static_cast<std::size_t>(origin.x) * grid.channels +
                 tile.channel;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      if (i < tile.rows && j < tile.columns)
        store_channels<whole>(pixel + i * row + j * grid.channels, y[i][j], tile.channels);
    }
  }
}

// Adds the pixels to the sums of their channels; the first tile begins the sums.
template <bool whole>
DEEPYEAST_INLINE void add_to_statistics(const WinogradStatistics& statistics, const OutputTile& tile, bool first_tile,
                                        const Vector y[4][4]) {
  Vector first = y[0][0], sum = broadcast(0.0f), square_sum = broadcast(0.0f);
  if (!first_tile) {
    first = load_channels<whole>(statistics.first + tile.offset, tile.channels);
    sum = load_channels<whole>(statistics.sum + tile.offset, tile.channels);
    square_sum = load_channels<whole>(statistics.square_sum + tile.offset, tile.channels);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      if (i < tile.rows && j < tile.columns) {
        const Vector difference = y[i][j] - first;
        sum = sum + difference;
        square_sum = fma(difference, difference, square_sum);
      }
    }
  }
  store_channels<whole>(statistics.first + tile.offset, first, tile.channels);
  store_channels<whole>(statistics.sum + tile.offset, sum, tile.channels);
  store_channels<whole>(statistics.square_sum + tile.offset, square_sum, tile.channels);
}

template <Output output, bool whole>
DEEPYEAST_INLINE void write_output(const OutputTarget& target, const OutputTile& tile, bool first_tile,
                                   Vector y[4][4]) {
  if (output == Output::epilogue) {
    apply_epilogue<whole>(*target.epilogue, tile, y);
    if (target.epilogue->pool) {
      store_pooled<whole>(target, tile, y);
      return;
    }
  }
  store_pixels<whole>(target, tile, y);
  if (output == Output::statistics) add_to_statistics<whole>(*target.statistics, tile, first_tile, y);
}

template <Output output>
void transform_output_as(const float* transformed, const WinogradLayout& layout, const OutputTarget& target, int first,
                         int count, int channel, int channels) {
  for (int tile = 0; tile < count; ++tile) {
    const TileOrigin origin(target.grid, first + tile);
    const float* source = transformed + tile * layout.tile;
    Vector y[4][4];
    int c = 0;
    for (; c + kWidth <= channels; c += kWidth) {
      output_pixels(source + c, layout.position, y);
      write_output<output, true>(target, OutputTile(target.grid, origin, channel + c, kWidth, c), tile == 0, y);
    }
    if (c < channels) {
      output_pixels(source + c, layout.position, y);
      write_output<output, false>(target, OutputTile(target.grid, origin, channel + c, channels - c, c), tile == 0, y);
    }
  }
}

}  // namespace

void transform_input(const float* images, const WinogradGrid& grid, int first, int count, WinogradRows rows,
                     const WinogradLayout& layout, float* transformed) {
  for (int tile = 0; tile < count; ++tile) {
    const float* pixels[6][6];
    pixels_of<6>(images, grid, TileOrigin(grid, first + tile), 1, pixels);
    for (int c = 0; c < grid.channels; c += kWidth) {
      float* target = transformed + c / layout.panel_width * layout.panel + tile * layout.tile + c % layout.panel_width;
      if (c + kWidth <= grid.channels)
        transform_input_vector<true>(pixels, c, kWidth, rows, layout.position, target);
      else
        transform_input_vector<false>(pixels, c, grid.channels - c, rows, layout.position, target);
    }
  }
}

// Called between products, so that the next input transform does not wait for memory. It fetches those 4x4 pixels of each
// tile that the tiles to the left and above do not read: four runs of memory.
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

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
