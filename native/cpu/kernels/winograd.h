// The inner loops of the Winograd convolution; ../winograd.cc has the algorithm and its blocking, winograd.cc beside
// this file the kernels.
#pragma once

#include <cstddef>

namespace deepyeast {

// A tile is 4x4 pixels of output under 6x6 pixels of input (what lies outside of the image is zero). Transformed, each
// is 36 numbers a channel: its positions.
constexpr int kWinogradPositions = 36;

// The images of a batch cut into tiles, counted along rows, then columns, then images. Tiles at the right and lower
// edge may hang over.
struct WinogradGrid {
  int height, width, channels;
  int rows, columns;   // of tiles in an image: height / 4 and width / 4, rounded up
  const float* zeros;  // `channels` of them, the pixel outside of the image
};

// Where transformed tiles stand, in floats: position p, tile t, channel c at
// p * position + c / panel_width * panel + t * tile + c % panel_width.
struct WinogradLayout {
  std::size_t position, panel, tile;
  int panel_width;
};

// Per channel and block of tiles: sums of the values less the block's first one. Differences that small keep float32
// exact enough where a channel's mean is large against its deviation.
struct WinogradStatistics {
  float* first;
  float* sum;
  float* square_sum;
};

// Null pointers: as in InferenceEpilogue.
struct WinogradEpilogue {
  const float* scale;
  const float* shift;
  bool relu, pool;
};

// Which of the six rows of six positions to compute; what is written begins with the first of them.
struct WinogradRows {
  int begin, end;
  int count() const { return end - begin; }
};

struct WinogradKernels {
  // Columns of one call of multiply.
  int panel_width;

  // The 6x6 input pixels of tiles [first, first + count), all channels of the grid. Channels are padded to whole
  // vectors.
  void (*transform_input)(const float* images, const WinogradGrid& grid, int first, int count, WinogradRows rows,
                          const WinogradLayout& layout, float* transformed);
  // Brings part `part` of `parts` of these tiles' pixels into the L2 cache.
  void (*prefetch_input)(const float* images, const WinogradGrid& grid, int first, int count, int part, int parts);
  // As transform_input: the output gradient's 4x4 pixels, for the weight gradient, and only channels
  // [channel, channel + channels), which the layout counts from 0.
  void (*transform_gradient)(const float* images, const WinogradGrid& grid, int first, int count, int channel,
                             int channels, WinogradRows rows, const WinogradLayout& layout, float* transformed);
  // From 36 positions to 4x4 output pixels: channels [channel, channel + channels) of the grid, which the layout counts
  // from 0; pointers of statistics and epilogue begin at `channel`. At most one of statistics and epilogue is given.
  void (*transform_output)(const float* transformed, const WinogradLayout& layout, const WinogradGrid& grid, int first,
                           int count, int channel, int channels, const WinogradStatistics* statistics,
                           const WinogradEpilogue* epilogue, float* images);

  // Weights [output][3][3][input] for outputs [first, first + count): position p, input i, output o at
  // p * position + o / panel_width * panel + i * panel_width + o % panel_width, o counted from `first`.
  void (*transform_weights)(const float* weights, int inputs, int first, int count, std::size_t position,
                            std::size_t panel, float* transformed);
  // The same with the kernel turned by 180 degrees and outputs and inputs exchanged, for the data gradient: inputs
  // [first, first + count) of the weights take the place of outputs.
  void (*transform_weights_rotated)(const float* weights, int inputs, int outputs, int first, int count,
                                    std::size_t position, std::size_t panel, float* transformed);
  // From the accumulated products, position p, output o, input i at p * position + o * row + i, to the weight gradient
  // [3][3][input] of output o.
  void (*transform_weight_gradient)(const float* products, std::size_t position, int inputs, float* gradient);

  // c[r * c_row + j] (+)= sum over s < steps of a[r * a_row + s * a_step] * b[s * panel_width + j], for r < rows and
  // j < columns; columns is at most panel_width and a multiple of the vector width.
  void (*multiply)(int rows, int columns, int steps, const float* a, std::size_t a_row, std::size_t a_step,
                   const float* b, float* c, std::size_t c_row, bool accumulate);
};

}  // namespace deepyeast
