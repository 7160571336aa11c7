// Matrix products of dense layers; see dense.cc.
#pragma once

#include <cstddef>

namespace deepyeast {

struct DenseKernels {
  // output[m][n] = sum over k of a[m][k] * b[n][k]: rows of both are consecutive in memory, `rows` m and `columns` n.
  // scratch: rows * columns * width floats.
  void (*dot)(const float* a, std::ptrdiff_t a_row, const float* b, std::ptrdiff_t b_row, int rows, int columns,
              std::ptrdiff_t count, float* scratch, float* output, std::ptrdiff_t output_row);
  // output[m][n] = sum over k of a[m * a_row + k * a_step] * b[k * b_row + n], n < columns. scratch: count * 2 * width
  // floats.
  void (*multiply)(const float* a, std::ptrdiff_t a_row, std::ptrdiff_t a_step, const float* b, std::ptrdiff_t b_row,
                   int rows, std::ptrdiff_t count, int columns, float* scratch, float* output,
                   std::ptrdiff_t output_row);
};

}  // namespace deepyeast
