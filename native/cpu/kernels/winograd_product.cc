// The matrix products of the Winograd convolution, one at each position.
#include "winograd_functions.h"
#include "winograd_tiles.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

namespace {

// Products of kMostRows x two vectors are kept in registers: 16 of 32, or 12 of 16.
constexpr int kMostRows = kRegisters == 32 ? 8 : 6;

// A block of the product: `rows` x `vectors` vectors, which stay in registers for all steps.
template <int rows, int vectors>
void multiply_block(int steps, const float* left, std::size_t left_row, std::size_t left_step, const float* right,
                    const float* ahead, int ahead_step, float* product, std::size_t product_row, bool accumulate) {
  Vector sums[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[r][v] = broadcast(0.0f);
  if (accumulate)  // fetches what is added to below while the loop runs
    for (int r = 0; r < rows; ++r)
      for (int v = 0; v < vectors * kWidth; v += 16) __builtin_prefetch(product + r * product_row + v, 1, 3);
  for (int s = 0; s < steps; ++s) {
    Vector factors[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) factors[v] = load(right + v * kWidth);
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
    right += kPanelWidth;
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      float* target = product + r * product_row + v * kWidth;
      store(target, accumulate ? load(target) + sums[r][v] : sums[r][v]);
    }
  }
}

using MultiplyBlock = void (*)(int, const float*, std::size_t, std::size_t, const float*, const float*, int, float*,
                               std::size_t, bool);

constexpr MultiplyBlock kMultiplyBlocks[8][2] = {
    {multiply_block<1, 1>, multiply_block<1, 2>}, {multiply_block<2, 1>, multiply_block<2, 2>},
    {multiply_block<3, 1>, multiply_block<3, 2>}, {multiply_block<4, 1>, multiply_block<4, 2>},
    {multiply_block<5, 1>, multiply_block<5, 2>}, {multiply_block<6, 1>, multiply_block<6, 2>},
    {multiply_block<7, 1>, multiply_block<7, 2>}, {multiply_block<8, 1>, multiply_block<8, 2>},
};

}  // namespace

void multiply(int rows, int columns, int steps, const float* left, std::size_t left_row, std::size_t left_step,
              const float* right, float* product, std::size_t product_row, bool accumulate) {
  const int vectors = (columns + kWidth - 1) / kWidth;
  // Blocks of nearly equal height: one of few rows would wait for its own sums.
  const int blocks = (rows + kMostRows - 1) / kMostRows;
  // The next panel comes from further away than L2, and nothing else would fetch it in time. The blocks of rows prefetch
  // equal parts of it, so that memory is never idle.
  const int ahead_step = (kPanelWidth + blocks - 1) / blocks;
  const float* ahead = right + static_cast<std::ptrdiff_t>(steps) * kPanelWidth;
  for (int block = 0, row = 0; block < blocks; ++block) {
    const int count = (rows - row + blocks - block - 1) / (blocks - block);
    kMultiplyBlocks[count - 1][vectors - 1](steps, left + row * left_row, left_row, left_step, right, ahead, ahead_step,
                                            product + row * product_row, product_row, accumulate);
    ahead += static_cast<std::ptrdiff_t>(steps) * ahead_step;
    row += count;
  }
}

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
