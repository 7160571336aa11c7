// Winograd's convolution (Lavin and Gray, 2016). The image is cut into tiles of 4x4 output pixels, each depending on
// 6x6 input pixels. Input tiles and weights are transformed to 36 numbers a channel ("positions"); at each position the
// convolution is then a plain matrix product, tiles x inputs times inputs x outputs: 36 instead of 144 multiplications
// for each tile and pair of channels. A last transform leads back to 4x4 pixels. The transforms are in kernels/.
//
// Forward pass. A range of up to 24 tiles is processed at a time, so that its transformed input stays in a core's L2
// cache. The input is transformed once, V[36][tile][input]. Then each group of 64 outputs is multiplied, M[36][tile][64] =
// V U, and M is transformed back at once, with the statistics or the epilogue. Transformed weights are packed as
// U[group][36][panel][input][panel width], a panel being as wide as what the product holds in registers. A task is one
// range of tiles for one group of outputs, small enough that a fast core does more of them than a slow one: a thread that
// goes on with the same tiles has their transformed input at hand, and one that helps another thread transforms it for
// itself, which costs less than to exchange it. An image's values depend neither on the threads nor on the batch it is
// in, nor on whether the transformed weights are kept (for the first image after they were set they are not).
//
// Data gradient. The same, with the weights rotated by 180 degrees and inputs and outputs exchanged.
//
// Weight gradient, F(3x3, 4x4). At each position it is the product outputs x tiles times tiles x inputs, accumulated over
// all tiles, with one transform at the end. Threads share the positions, by rows of six: each thread goes through all
// tiles, a stretch of them at a time, transforms both sides to its own positions only, and multiplies. So threads neither
// wait for each other nor exchange transformed tiles, at the price of reading the images once for each row; and each sum
// has one owner, which adds in the order of the tiles, however many threads there are.
//
// Rows that are a multiple of 4 KB apart would compete for the same lines of the L1 cache; therefore strides are padded
// by a cache line.
#include "winograd.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "kernels/winograd.h"
#include "memory.h"
#include "partial_statistics.h"
#include "shape_check.h"

namespace deepyeast {

namespace {

constexpr int kCacheLine = 16;                   // floats
constexpr int kGroupOutputs = 64;                // outputs that are multiplied and transformed back together
constexpr std::size_t kRangeFloats = 160 << 10;  // of V for a range of tiles, at most: 640 KB of a 1 MB L2 cache
constexpr int kStretchTiles = 64;                // of one product of the weight gradient: a panel of it stays in L1
constexpr WinogradRows kAllRows = {0, 6};

int round_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }
int divide_up(int value, int divisor) { return (value + divisor - 1) / divisor; }

// Tiles [begin, end): number `index` of `count` ranges of nearly equal size.
struct TileRange {
  int begin, end;
  TileRange(int tiles, int count, int index)
      : begin(static_cast<int>(static_cast<std::int64_t>(tiles) * index / count)),
        end(static_cast<int>(static_cast<std::int64_t>(tiles) * (index + 1) / count)) {}
  int size() const { return end - begin; }
};

// A convolution from `inputs` to `outputs` channels: forward, or the data gradient with both exchanged.
struct Direction {
  int inputs, outputs;
  int row;                            // floats of a tile of V at one position
  std::size_t panel_stride, position_stride, group_stride;  // of U
  AlignedMemory weights;              // U

  Direction(int input_channels, int output_channels, int panel_width)
      : inputs(input_channels), outputs(output_channels), row(round_up(inputs, kCacheLine) + kCacheLine),
        panel_stride(static_cast<std::size_t>(inputs) * panel_width),
        position_stride(kGroupOutputs / panel_width * panel_stride + kCacheLine),
        group_stride(kWinogradPositions * position_stride), weights(groups() * group_stride) {}

  int groups() const { return divide_up(outputs, kGroupOutputs); }
  int outputs_of(int group) const { return std::min(kGroupOutputs, outputs - group * kGroupOutputs); }
  int most_tiles_of_range() const {
    return std::clamp(static_cast<int>(kRangeFloats / (kWinogradPositions * row)), 6, 24);
  }
  WinogradLayout input_layout(int tiles) const {
    return {static_cast<std::size_t>(tiles) * row + kCacheLine, 0, static_cast<std::size_t>(row), row};
  }
  WinogradLayout output_layout(int tiles) const {
    return {static_cast<std::size_t>(tiles) * kGroupOutputs + kCacheLine, 0, kGroupOutputs, kGroupOutputs};
  }
};

class WinogradConvolution : public CpuConvolution {
 public:
  WinogradConvolution(const ConvolutionShape& shape, bool training, CpuContext& context)
      : shape_(shape), context_(context), kernels_(*context.kernels().winograd),
        zeros_(std::max(shape.input_channels, shape.output_channels)),
        forward_(shape.input_channels, shape.output_channels, kernels_.panel_width) {
    check_shape(shape.batch > 0 && shape.height > 0 && shape.width > 0 && shape.input_channels > 0 &&
                    shape.output_channels > 0,
                "a convolution needs a positive batch, height, width and numbers of channels");
    const int tiles = tiles_of(shape.batch);
    reserve(forward_);
    if (!training) return;
    statistics_.reserve(ranges_of(forward_, tiles, true), shape.output_channels);
    backward_ = std::make_unique<Direction>(shape.output_channels, shape.input_channels, kernels_.panel_width);
    reserve(*backward_);
    reserve_weight_gradient(tiles);
  }

  void set_weights(const float* weights) override {
    weights_ = weights;
    transformed_ = passed_through_ = false;
    if (backward_) transform_weights();
  }

  void forward(int batch, const float* input, float* output, BatchStatistics* statistics) override {
    const std::size_t ranges = ranges_of(forward_, tiles_of(batch), statistics != nullptr);
    if (statistics) statistics_.reserve(ranges, shape_.output_channels);
    transform_weights();
    convolve(forward_, batch, input, statistics != nullptr, nullptr, output);
    if (statistics) statistics_.combine(ranges, statistics);
  }

  void infer(int batch, const float* input, const InferenceEpilogue& epilogue, float* output) override {
    check_shape(!epilogue.pool || (shape_.height % 2 == 0 && shape_.width % 2 == 0),
                "a 2x2 pool needs an even height and width");
    // The first image is computed without keeping the transformed weights: a program that classifies one cell and ends
    // is spared filling their memory, which takes longer than the pass itself.
    if (!transformed_) {
      if (passed_through_ || batch > 1) transform_weights();
      passed_through_ = true;
    }
    convolve(forward_, batch, input, false, &epilogue, output);
  }

  void prepare_for_shares() override { transform_weights(); }

  void backward_data(int batch, const float* output_gradient, float* input_gradient) override {
    convolve(*backward_, batch, output_gradient, false, nullptr, input_gradient);
  }

  void backward_weights(int batch, const float* input, const float* output_gradient,
                        float* weight_gradient) override;

 private:
  WinogradGrid grid(int channels) const {
    return {shape_.height, shape_.width, channels, divide_up(shape_.height, 4), divide_up(shape_.width, 4),
            zeros_.data()};
  }
  int tiles_of(int batch) const { return batch * divide_up(shape_.height, 4) * divide_up(shape_.width, 4); }

  // How many ranges the tiles are cut into. With statistics the shape alone decides, at most 16 tiles each: how sums are
  // cut is part of the result. Without, an even number, since most machines have an even number of cores, unless all
  // ranges are full.
  static int ranges_of(const Direction& direction, int tiles, bool statistics) {
    const int most = direction.most_tiles_of_range();
    if (statistics) return divide_up(tiles, std::min(16, most));
    const int ranges = divide_up(tiles, most);
    return ranges == 1 || tiles % most == 0 ? ranges : round_up(ranges, 2);
  }
  void transform_weights();
  void transform_weights(const Direction& direction, float* packed) const;
  void transform_outputs(const Direction& direction, int first, int count, float* group) const;
  void reserve(const Direction& direction);
  void convolve(const Direction& direction, int batch, const float* input, bool statistics,
                const InferenceEpilogue* epilogue, float* output);
  void multiply(const Direction& direction, const float* weights, int position, int group, int tiles,
                const float* transformed, float* product) const;
  void write(const Direction& direction, const TileRange& tiles, int range, int group, const float* product,
             bool statistics, const InferenceEpilogue* epilogue, float* output);
  void keep_statistics(const TileRange& tiles, int range, int group, int channels, const WinogradStatistics& sums);

  // How the weight gradient is cut. A task's scratch memory holds a stretch of transformed input, then of gradient.
  struct Stretch {
    int tiles;
    int rows;          // of six positions, of a task
    int outputs;       // of a task
    int product_row;
    WinogradLayout input, gradient;
    std::size_t product_position;
    std::size_t input_size() const { return 6 * rows * input.position; }
    std::size_t task_size() const { return input_size() + 6 * rows * gradient.position; }
  };
  Stretch stretch(int tiles) const;
  void reserve_weight_gradient(int tiles);

  const ConvolutionShape shape_;
  CpuContext& context_;
  const WinogradKernels& kernels_;
  AlignedMemory zeros_;
  PartialStatistics statistics_;  // a part for each range of tiles
  Direction forward_;
  std::unique_ptr<Direction> backward_;
  const float* weights_ = nullptr;
  bool transformed_ = false;     // whether weights_ are, for both directions
  bool passed_through_ = false;  // whether an image was, since weights_ were set
};

// Outputs [first, first + count) of a direction, all in one group, whose packed weights begin at `group`.
void WinogradConvolution::transform_outputs(const Direction& direction, int first, int count, float* group) const {
  const int in_group = first % kGroupOutputs;
  float* target = group + in_group / kernels_.panel_width * direction.panel_stride + in_group % kernels_.panel_width;
  if (&direction == &forward_)
    kernels_.transform_weights(weights_, direction.inputs, first, count, direction.position_stride,
                               direction.panel_stride, target);
  else
    kernels_.transform_weights_rotated(weights_, shape_.input_channels, shape_.output_channels, first, count,
                                       direction.position_stride, direction.panel_stride, target);
}

// All outputs of a direction.
void WinogradConvolution::transform_weights(const Direction& direction, float* packed) const {
  constexpr int kTaskOutputs = 16;  // a multiple or a divisor of every panel width
  context_.parallel_for(divide_up(direction.outputs, kTaskOutputs), [&](std::size_t task, int) {
    const int first = static_cast<int>(task) * kTaskOutputs;
    transform_outputs(direction, first, std::min(kTaskOutputs, direction.outputs - first),
                      packed + first / kGroupOutputs * direction.group_stride);
  });
}

void WinogradConvolution::transform_weights() {
  if (transformed_) return;
  transform_weights(forward_, forward_.weights.data());
  if (backward_) transform_weights(*backward_, backward_->weights.data());
  transformed_ = true;
}

void WinogradConvolution::reserve(const Direction& direction) {
  const int most = direction.most_tiles_of_range();
  const std::size_t tiles = direction.input_layout(most).position + direction.output_layout(most).position;
  const std::size_t weights = std::max(context_.threads(), direction.groups()) * direction.group_stride;
  context_.reserve_workspace(weights, kWinogradPositions * tiles);
}

void WinogradConvolution::convolve(const Direction& direction, int batch, const float* input, bool statistics,
                                   const InferenceEpilogue* epilogue, float* output) {
  check_shape(batch <= shape_.batch, "a convolution was given more images than the batch it was made for");
  const int all_tiles = tiles_of(batch), ranges = ranges_of(direction, all_tiles, statistics);
  const int groups = direction.groups();
  constexpr int kNone = -1;
  std::vector<int> transformed_range(context_.threads(), kNone);  // whose transformed input a thread has at hand
  const std::size_t transformed_size =
      kWinogradPositions * direction.input_layout(direction.most_tiles_of_range()).position;
  // Weights that are not kept: where a group of them serves one range of tiles, each thread transforms the group it needs.
  float* unkept_weights = context_.workspace();
  const bool weights_by_task = !transformed_ && ranges == 1;
  if (!transformed_ && !weights_by_task) transform_weights(direction, unkept_weights);
  const WinogradGrid input_grid = grid(direction.inputs);
  context_.parallel_for(static_cast<std::size_t>(ranges) * groups, [&](std::size_t task, int slot) {
    const int range = static_cast<int>(task) / groups, group = static_cast<int>(task) % groups;
    const TileRange tiles(all_tiles, ranges, range);
    const TileRange next(all_tiles, ranges, range + 1);  // most likely this thread's next one
    float* transformed = context_.own_workspace(slot);
    float* product = transformed + transformed_size;
    if (transformed_range[slot] != range) {
      kernels_.transform_input(input, input_grid, tiles.begin, tiles.size(), kAllRows,
                               direction.input_layout(tiles.size()), transformed);
      transformed_range[slot] = range;
    }
    const float* weights = (transformed_ ? direction.weights.data() : unkept_weights) + group * direction.group_stride;
    if (weights_by_task) {
      float* own_weights = unkept_weights + slot * direction.group_stride;
      transform_outputs(direction, group * kGroupOutputs, direction.outputs_of(group), own_weights);
      weights = own_weights;
    }
    for (int position = 0; position < kWinogradPositions; ++position) {
      multiply(direction, weights, position, group, tiles.size(), transformed, product);
      if (range + 1 < ranges)
        kernels_.prefetch_input(input, input_grid, next.begin, next.size(), group * kWinogradPositions + position,
                                groups * kWinogradPositions);
    }
    write(direction, tiles, range, group, product, statistics, epilogue, output);
  });
}

// The product at one position: tiles x inputs times inputs x (up to) 64 outputs.
void WinogradConvolution::multiply(const Direction& direction, const float* weights, int position, int group, int tiles,
                                   const float* transformed, float* product) const {
  const int outputs = direction.outputs_of(group);
  weights += position * direction.position_stride;
  const float* left = transformed + position * direction.input_layout(tiles).position;
  float* target = product + position * direction.output_layout(tiles).position;
  for (int output = 0; output < outputs; output += kernels_.panel_width) {
    kernels_.multiply(tiles, std::min(kernels_.panel_width, outputs - output), direction.inputs, left, direction.row, 1,
                      weights, target + output, kGroupOutputs, false);
    weights += direction.panel_stride;
  }
}

// From products to output pixels.
void WinogradConvolution::write(const Direction& direction, const TileRange& tiles, int range, int group,
                                const float* product, bool statistics, const InferenceEpilogue* epilogue,
                                float* output) {
  const int channel = group * kGroupOutputs, channels = direction.outputs_of(group);
  float first[kGroupOutputs], sum[kGroupOutputs], square_sum[kGroupOutputs];
  const WinogradStatistics sums = {first, sum, square_sum};
  WinogradEpilogue group_epilogue = {};
  if (epilogue) {
    group_epilogue = {epilogue->scale ? epilogue->scale + channel : nullptr,
                      epilogue->shift ? epilogue->shift + channel : nullptr, epilogue->relu, epilogue->pool};
  }
  kernels_.transform_output(product, direction.output_layout(tiles.size()), grid(direction.outputs), tiles.begin,
                            tiles.size(), channel, channels, statistics ? &sums : nullptr,
                            epilogue ? &group_epilogue : nullptr, output);
  if (statistics) keep_statistics(tiles, range, group, channels, sums);
}

// The sums of a range of tiles as its part of the batch's statistics.
void WinogradConvolution::keep_statistics(const TileRange& tiles, int range, int group, int channels,
                                          const WinogradStatistics& sums) {
  const WinogradGrid cut = grid(shape_.output_channels);
  int pixels = 0;
  for (int tile = tiles.begin; tile < tiles.end; ++tile) {
    const int row = tile / cut.columns % cut.rows, column = tile % cut.columns;
    pixels += std::min(4, cut.height - row * 4) * std::min(4, cut.width - column * 4);
  }
  if (group == 0) statistics_.set_count(range, pixels);
  const int channel = group * kGroupOutputs;
  for (int c = 0; c < channels; ++c) {
    const double difference = static_cast<double>(sums.sum[c]) / pixels;  // of the mean to the first value
    statistics_.mean(range)[channel + c] = sums.first[c] + difference;
    statistics_.deviations(range)[channel + c] = sums.square_sum[c] - difference * sums.sum[c];
  }
}

WinogradConvolution::Stretch WinogradConvolution::stretch(int tiles) const {
  const int panel_width = kernels_.panel_width, threads = context_.threads();
  const int inputs = round_up(shape_.input_channels, panel_width), outputs = shape_.output_channels;
  Stretch result;
  result.tiles = std::min(kStretchTiles, tiles);
  result.rows = threads < 4 ? 6 / threads : 1;
  result.outputs = round_up(divide_up(outputs, divide_up(threads, 6)), kCacheLine);
  const int gradient_row = result.outputs + kCacheLine;
  result.product_row = inputs + kCacheLine;
  result.product_position = static_cast<std::size_t>(outputs) * result.product_row + kCacheLine;
  const std::size_t panel = static_cast<std::size_t>(result.tiles) * panel_width + kCacheLine;
  result.input = {inputs / panel_width * panel, panel, static_cast<std::size_t>(panel_width), panel_width};
  result.gradient = {static_cast<std::size_t>(result.tiles) * gradient_row + kCacheLine, 0,
                     static_cast<std::size_t>(gradient_row), gradient_row};
  return result;
}

void WinogradConvolution::reserve_weight_gradient(int tiles) {
  const Stretch sizes = stretch(tiles);
  context_.reserve_workspace(kWinogradPositions * sizes.product_position, sizes.task_size());
}

void WinogradConvolution::backward_weights(int batch, const float* input, const float* output_gradient,
                                           float* weight_gradient) {
  check_shape(batch <= shape_.batch, "a convolution was given more images than the batch it was made for");
  const int inputs = shape_.input_channels, outputs = shape_.output_channels;
  const int tiles = tiles_of(batch), panel_width = kernels_.panel_width;
  const Stretch sizes = stretch(tiles);
  const WinogradGrid input_grid = grid(inputs), gradient_grid = grid(outputs);
  const int row_tasks = 6 / sizes.rows, output_tasks = divide_up(outputs, sizes.outputs);
  const int panels = divide_up(inputs, panel_width);
  float* products = context_.workspace();

  context_.parallel_for(row_tasks * output_tasks, [&](std::size_t task, int slot) {
    const int first_row = static_cast<int>(task) % row_tasks * sizes.rows;
    const WinogradRows rows = {first_row, first_row + sizes.rows};
    const int first_output = static_cast<int>(task) / row_tasks * sizes.outputs;
    const int kTaskOutputs = std::min(sizes.outputs, outputs - first_output);
    const int steps = 6 * sizes.rows * panels;
    float* transformed_input = context_.own_workspace(slot);
    float* transformed_gradient = transformed_input + sizes.input_size();
    float* task_products =
        products + 6 * first_row * sizes.product_position + static_cast<std::size_t>(first_output) * sizes.product_row;
    for (int first = 0; first < tiles; first += sizes.tiles) {
      const int count = std::min(sizes.tiles, tiles - first);
      const int next = first + count, next_count = std::min(sizes.tiles, tiles - next);
      kernels_.transform_input(input, input_grid, first, count, rows, sizes.input, transformed_input);
      kernels_.transform_gradient(output_gradient, gradient_grid, first, count, first_output, kTaskOutputs, rows,
                                  sizes.gradient, transformed_gradient);
      for (int step = 0; step < steps; ++step) {
        const int position = step / panels, panel = step % panels;
        kernels_.multiply(kTaskOutputs, std::min(panel_width, inputs - panel * panel_width), count,
                          transformed_gradient + position * sizes.gradient.position, 1, sizes.gradient.tile,
                          transformed_input + position * sizes.input.position + panel * sizes.input.panel,
                          task_products + position * sizes.product_position + panel * panel_width, sizes.product_row,
                          first > 0);
        kernels_.prefetch_input(input, input_grid, next, next_count, step, steps);
        kernels_.prefetch_input(output_gradient, gradient_grid, next, next_count, step, steps);
      }
    }
  });
  context_.parallel_for(outputs, [&](std::size_t output, int) {
    kernels_.transform_weight_gradient(products + output * sizes.product_row, sizes.product_position, inputs,
                                       weight_gradient + output * 9 * inputs);
  });
}

}  // namespace

bool winograd_suits(const ConvolutionShape& shape) {
  const int covered = round_up(shape.height, 4) * round_up(shape.width, 4);
  return shape.input_channels >= 16 && shape.output_channels >= 16 && covered <= 2 * shape.height * shape.width;
}

std::unique_ptr<CpuConvolution> make_winograd_convolution(const ConvolutionShape& shape, bool training,
                                                       CpuContext& context) {
  return std::make_unique<WinogradConvolution>(shape, training, context);
}

}  // namespace deepyeast
