// Weight gradient of the 3x3 convolution: for every tap, input channel c and output channel k the sum over pixels of
// input[pixel + tap][c] * gradient[pixel][k].
//
// A tile of 8 input channels x two vectors of output channels for one tap stays in registers while the loop runs over
// the pixels of a few rows: per pixel two vector loads of the packed gradient and 8 broadcasts of consecutive inputs for
// 16 multiply-adds. The caller cuts the image into blocks of about 128 pixels, so that one vector pair of the gradient
// (16 KB) and 8 channels of the input rows stay in the first-level cache for all nine taps, and the tile's trip to the
// accumulator costs little against 128 x 16 multiply-adds.
#include "convolution_weight_gradient.h"

#include "vector.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

namespace {

constexpr int kTileColumns = kRegisters == 32 ? 8 : 6;

template <int columns, int vectors>
void gradient_tile(const float* input, std::ptrdiff_t input_row, std::ptrdiff_t input_pixel, const float* gradient,
                   std::ptrdiff_t next_gradient, int rows, int row_width, float* accumulator,
                   std::ptrdiff_t next_accumulator) {
  Vector sums[columns][vectors];
#pragma GCC unroll 8
  for (int c = 0; c < columns; ++c)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[c][v] = load(accumulator + c * kWidth + v * next_accumulator);
  for (int y = 0; y < rows; ++y) {
    const float* source = input + y * input_row;
    for (int x = 0; x < row_width; ++x, source += input_pixel, gradient += kWidth) {
      Vector values[vectors];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) values[v] = load(gradient + v * next_gradient);
#pragma GCC unroll 8
      for (int c = 0; c < columns; ++c) {
        const Vector value = broadcast(source[c]);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) sums[c][v] = fma(value, values[v], sums[c][v]);
      }
    }
  }
#pragma GCC unroll 8
  for (int c = 0; c < columns; ++c)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) store(accumulator + c * kWidth + v * next_accumulator, sums[c][v]);
}

template <int columns, int vectors>
void gradient_rest(int remaining, const float* input, std::ptrdiff_t input_row, std::ptrdiff_t input_pixel,
                   const float* gradient, std::ptrdiff_t next_gradient, int rows, int row_width, float* accumulator,
                   std::ptrdiff_t next_accumulator) {
  if constexpr (columns > 0) {
    if (remaining == columns)
      gradient_tile<columns, vectors>(input, input_row, input_pixel, gradient, next_gradient, rows, row_width,
                                      accumulator, next_accumulator);
    else
      gradient_rest<columns - 1, vectors>(remaining, input, input_row, input_pixel, gradient, next_gradient, rows,
                                          row_width, accumulator, next_accumulator);
  }
}

template <int vectors>
void gradient_columns(const float* input, std::ptrdiff_t input_row, std::ptrdiff_t input_pixel, int taps, int columns,
                      const float* gradient, int rows, int row_width, float* accumulator) {
  const std::ptrdiff_t next_gradient = static_cast<std::ptrdiff_t>(rows) * row_width * kWidth;
  const std::ptrdiff_t next_accumulator = std::ptrdiff_t{3} * taps * columns * kWidth;
  for (int column = 0; column < columns; column += kTileColumns) {
    const int left = columns - column;
    for (int y = 0; y < 3; ++y) {
      for (int x = 0; x < taps; ++x) {
        const float* source = input + y * input_row + x * input_pixel + column;
        float* target = accumulator + ((static_cast<std::ptrdiff_t>(y) * taps + x) * columns + column) * kWidth;
        if (left >= kTileColumns)
          gradient_tile<kTileColumns, vectors>(source, input_row, input_pixel, gradient, next_gradient, rows,
                                               row_width, target, next_accumulator);
        else
          gradient_rest<kTileColumns - 1, vectors>(left, source, input_row, input_pixel, gradient, next_gradient, rows,
                                                   row_width, target, next_accumulator);
      }
    }
  }
}

void convolution_weight_gradient(const float* input, std::ptrdiff_t input_row, std::ptrdiff_t input_pixel, int taps,
                                 int columns, const float* gradient, int vectors, int rows, int row_width,
                                 float* accumulator) {
  const std::ptrdiff_t gradient_vector = static_cast<std::ptrdiff_t>(rows) * row_width * kWidth;
  const std::ptrdiff_t accumulator_vector = std::ptrdiff_t{3} * taps * columns * kWidth;
  int v = 0;
  for (; v + 2 <= vectors; v += 2)
    gradient_columns<2>(input, input_row, input_pixel, taps, columns, gradient + v * gradient_vector, rows, row_width,
                        accumulator + v * accumulator_vector);
  if (v < vectors)
    gradient_columns<1>(input, input_row, input_pixel, taps, columns, gradient + v * gradient_vector, rows, row_width,
                        accumulator + v * accumulator_vector);
}

void pack_gradient(const float* gradient, std::ptrdiff_t pixels, int channels, float* packed) {
  for (int channel = 0; channel < channels; channel += kWidth) {
    const int count = channels - channel;
    const float* source = gradient + channel;
    for (std::ptrdiff_t p = 0; p < pixels; ++p, source += channels, packed += kWidth)
      store(packed, count >= kWidth ? load(source) : load_first(source, count));
  }
}

void add_chunks(float* chunks, int number, std::ptrdiff_t stride, std::ptrdiff_t count) {
  for (std::ptrdiff_t i = 0; i < count; i += kWidth) {
    const int present = count - i < kWidth ? static_cast<int>(count - i) : kWidth;
    Vector total = load_first(chunks + i, present);
    for (int n = 1; n < number; ++n) total += load_first(chunks + n * stride + i, present);
    store_first(chunks + i, total, present);
  }
}

}  // namespace

extern const WeightGradientKernels weight_gradient_kernels;
const WeightGradientKernels weight_gradient_kernels = {convolution_weight_gradient, pack_gradient, add_chunks};

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
