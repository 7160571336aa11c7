// Matrix products of dense layers. Their weights [outputs][inputs] are used in this order, so that nothing is packed after
// an update and inference holds no second copy of them.
//
// dot (forward): both operands run along the inputs, so vectors run along the sum. A tile of 4 cells x 4 outputs keeps
// 16 vectors of partial sums and loads 8 vectors for 16 multiply-adds. The inputs are cut into runs of 512 (2 KB), so
// that the weights of one task's outputs stay in the caches while all cells pass; between runs a tile's partial sums
// are kept in scratch memory. Few cells need no runs, and the weights are then read in longer streams. The elements of a
// partial sum are added at the very end, always in the same order: a cell's result does not depend on its batch.
//
// multiply (both gradients): vectors run along the inputs. Two vectors' columns of b are copied together (their rows lie
// far apart, often at a power of two, and would evict each other), then 8 rows x two vectors at a time are accumulated
// in registers, as in the convolution.
#include "dense.h"

#include "vector.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

namespace {

constexpr std::ptrdiff_t kRunLength = 512;
constexpr int kDotRows = 4;
constexpr int kDotColumns = kRegisters == 32 ? 4 : 2;  // 16 registers hold 8 sums and 6 operands
constexpr int kTileRows = kRegisters == 32 ? 8 : 6;

// Adds `count` (at most kRunLength) terms to sums [rows][columns][kWidth].
template <int rows, int columns>
void dot_tile(const float* a, std::ptrdiff_t a_row, const float* b, std::ptrdiff_t b_row, std::ptrdiff_t count,
              float* sums) {
  Vector total[rows][columns];
#pragma GCC unroll 4
  for (int m = 0; m < rows; ++m)
#pragma GCC unroll 4
    for (int n = 0; n < columns; ++n) total[m][n] = load(sums + (m * columns + n) * kWidth);
  const auto add = [&](auto get) {
    Vector right[columns];
#pragma GCC unroll 4
    for (int n = 0; n < columns; ++n) right[n] = get(b + n * b_row);
#pragma GCC unroll 4
    for (int m = 0; m < rows; ++m) {
      const Vector left = get(a + m * a_row);
#pragma GCC unroll 4
      for (int n = 0; n < columns; ++n) total[m][n] = fma(left, right[n], total[m][n]);
    }
  };
  std::ptrdiff_t k = 0;
  for (; k + kWidth <= count; k += kWidth) add([k](const float* p) { return load(p + k); });
  if (k < count) add([k, count](const float* p) { return load_first(p + k, static_cast<int>(count - k)); });
#pragma GCC unroll 4
  for (int m = 0; m < rows; ++m)
#pragma GCC unroll 4
    for (int n = 0; n < columns; ++n) store(sums + (m * columns + n) * kWidth, total[m][n]);
}

template <int rows>
void dot_tile_columns(int columns, const float* a, std::ptrdiff_t a_row, const float* b, std::ptrdiff_t b_row,
                      std::ptrdiff_t count, float* sums) {
  if (columns == 4 && kDotColumns == 4) dot_tile<rows, kDotColumns>(a, a_row, b, b_row, count, sums);
  else if (columns == 3 && kDotColumns == 4) dot_tile<rows, kDotColumns - 1>(a, a_row, b, b_row, count, sums);
  else if (columns == 2) dot_tile<rows, 2>(a, a_row, b, b_row, count, sums);
  else dot_tile<rows, 1>(a, a_row, b, b_row, count, sums);
}

void dot_tile_any(int rows, int columns, const float* a, std::ptrdiff_t a_row, const float* b, std::ptrdiff_t b_row,
                  std::ptrdiff_t count, float* sums) {
  if (rows == 4) dot_tile_columns<4>(columns, a, a_row, b, b_row, count, sums);
  else if (rows == 3) dot_tile_columns<3>(columns, a, a_row, b, b_row, count, sums);
  else if (rows == 2) dot_tile_columns<2>(columns, a, a_row, b, b_row, count, sums);
  else dot_tile_columns<1>(columns, a, a_row, b, b_row, count, sums);
}

DEEPYEAST_INLINE int least(int a, int b) { return a < b ? a : b; }

template <int rows, int vectors>
void multiply_tile(const float* a, std::ptrdiff_t a_row, std::ptrdiff_t a_step, const float* panel,
                   std::ptrdiff_t count, float* output, std::ptrdiff_t output_row, int last) {
  Vector sums[rows][vectors] = {};
  for (std::ptrdiff_t k = 0; k < count; ++k, a += a_step, panel += vectors * kWidth) {
    Vector right[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) right[v] = load(panel + v * kWidth);
#pragma GCC unroll 8
    for (int m = 0; m < rows; ++m) {
      const Vector left = broadcast(a[m * a_row]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sums[m][v] = fma(left, right[v], sums[m][v]);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < rows; ++m)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v)
      store_first(output + m * output_row + v * kWidth, sums[m][v], v < vectors - 1 ? kWidth : last);
}

template <int rows, int vectors>
void multiply_rest(int remaining, const float* a, std::ptrdiff_t a_row, std::ptrdiff_t a_step, const float* panel,
                   std::ptrdiff_t count, float* output, std::ptrdiff_t output_row, int last) {
  if constexpr (rows > 0) {
    if (remaining == rows)
      multiply_tile<rows, vectors>(a, a_row, a_step, panel, count, output, output_row, last);
    else
      multiply_rest<rows - 1, vectors>(remaining, a, a_row, a_step, panel, count, output, output_row, last);
  }
}

// `vectors` vectors of columns, the last of `last` columns.
template <int vectors>
void multiply_panel(const float* a, std::ptrdiff_t a_row, std::ptrdiff_t a_step, const float* b, std::ptrdiff_t b_row,
                    int rows, std::ptrdiff_t count, int last, float* panel, float* output, std::ptrdiff_t output_row) {
  for (std::ptrdiff_t k = 0; k < count; ++k)
    for (int v = 0; v < vectors; ++v)
      store(panel + (k * vectors + v) * kWidth, load_first(b + k * b_row + v * kWidth, v < vectors - 1 ? kWidth : last));
  int m = 0;
  for (; m + kTileRows <= rows; m += kTileRows)
    multiply_tile<kTileRows, vectors>(a + m * a_row, a_row, a_step, panel, count, output + m * output_row, output_row,
                                      last);
  multiply_rest<kTileRows - 1, vectors>(rows - m, a + m * a_row, a_row, a_step, panel, count, output + m * output_row,
                                        output_row, last);
}

void dense_dot(const float* a, std::ptrdiff_t a_row, const float* b, std::ptrdiff_t b_row, int rows, int columns,
               std::ptrdiff_t count, float* scratch, float* output, std::ptrdiff_t output_row) {
  const std::ptrdiff_t sums = static_cast<std::ptrdiff_t>(rows) * columns * kWidth;
  for (std::ptrdiff_t i = 0; i < sums; i += kWidth) store(scratch + i, Vector{});
  const std::ptrdiff_t longest = rows > kDotRows ? kRunLength : count;
  for (std::ptrdiff_t k = 0; k < count; k += longest) {
    const std::ptrdiff_t run = count - k < longest ? count - k : longest;
    float* tile = scratch;
    for (int m = 0; m < rows; m += kDotRows) {
      for (int n = 0; n < columns; n += kDotColumns) {
        const int tile_m = least(rows - m, kDotRows), tile_n = least(columns - n, kDotColumns);
        dot_tile_any(tile_m, tile_n, a + m * a_row + k, a_row, b + n * b_row + k, b_row, run, tile);
        tile += tile_m * tile_n * kWidth;
      }
    }
  }
  const float* tile = scratch;
  for (int m = 0; m < rows; m += kDotRows)
    for (int n = 0; n < columns; n += kDotColumns)
      for (int i = m; i < m + least(rows - m, kDotRows); ++i)
        for (int j = n; j < n + least(columns - n, kDotColumns); ++j, tile += kWidth)
          output[i * output_row + j] = sum(load(tile));
}

void dense_multiply(const float* a, std::ptrdiff_t a_row, std::ptrdiff_t a_step, const float* b, std::ptrdiff_t b_row,
                    int rows, std::ptrdiff_t count, int columns, float* scratch, float* output,
                    std::ptrdiff_t output_row) {
  int n = 0;
  for (; columns - n > kWidth; n += 2 * kWidth)
    multiply_panel<2>(a, a_row, a_step, b + n, b_row, rows, count, least(columns - n - kWidth, kWidth), scratch,
                      output + n, output_row);
  if (n < columns)
    multiply_panel<1>(a, a_row, a_step, b + n, b_row, rows, count, columns - n, scratch, output + n, output_row);
}

}  // namespace

extern const DenseKernels dense_kernels;
const DenseKernels dense_kernels = {dense_dot, dense_multiply};

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
