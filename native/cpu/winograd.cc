// Winograd's convolution (Lavin and Gray, 2016). The image is cut into tiles of 4x4 output pixels, each depending on
// 6x6 input pixels. Input tiles and weights are transformed to 36 numbers a channel ("positions"); at each position the
// convolution is then a plain matrix product, tiles x inputs times inputs x outputs: 36 instead of 144 multiplications
// a pair of channels and tile. A last transform leads back to 4x4 pixels. kernels/winograd.cc has the transforms.
//
// Forward, and the data gradient, which is the same with the weights rotated: a block of up to 24 tiles at a time, so
// that what is transformed stays in a core's L2 cache. Its input is transformed once, V[36][tile][input]; then for each
// 64 outputs it is multiplied, M[36][tile][64] = V U, and M at once transformed back, with the statistics or the
// epilogue. Weights are packed once: U[output / 64][36][panel][input][panel width], a panel being as wide as what the
// product holds in registers. A task is one block of tiles for 64 outputs, small enough that a fast core does more of
// them than a slow one: a thread that goes on with the same tiles has their transformed input at hand, one that helps
// another transforms it for itself, which costs less than to exchange it. An image's values depend neither on the
// threads nor on the batch it is in, nor on whether the transformed weights are kept: the first image after they were
// set goes without.
//
// Weight gradient, F(3x3, 4x4): at each position the product outputs x tiles times tiles x inputs, accumulated over all
// tiles, and one transform at the end. Threads share out the positions, by rows of six: each goes through all tiles, a
// stretch at a time, transforming both sides to its own positions only and multiplying. So they neither wait for each
// other nor exchange transformed tiles, at the price of reading the images once each; and each sum has one owner, who
// adds in the order of the tiles, however many threads there are.
//
// Rows that are a multiple of 4 KB apart would compete for the same lines of the L1 cache; therefore strides are padded
// by a cache line.
#include "winograd.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "batch_statistics.h"
#include "kernels/winograd.h"
#include "memory.h"
#include "shape_check.h"

namespace deepyeast {

namespace {

constexpr int cache_line = 16;                   // floats
constexpr int output_block = 64;                 // outputs multiplied and transformed back together
constexpr std::size_t block_floats = 160 << 10;  // of V, at most: 640 KB of a 1 MB L2 cache
constexpr int stretch_tiles = 64;                // of one product of the weight gradient: a panel of it stays in L1
constexpr WinogradRows all_rows = {0, 6};

int round_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }
int divide_up(int value, int divisor) { return (value + divisor - 1) / divisor; }

// Tiles [begin, end) of block `index` of `count` blocks of nearly equal size.
struct TileRange {
  int begin, end;
  TileRange(int tiles, int count, int index)
      : begin(static_cast<int>(static_cast<long>(tiles) * index / count)),
        end(static_cast<int>(static_cast<long>(tiles) * (index + 1) / count)) {}
  int size() const { return end - begin; }
};

// A convolution from `inputs` to `outputs` channels: forward, or the data gradient with both exchanged.
struct Direction {
  int inputs, outputs;
  int row;                            // floats of a tile of V at one position
  std::size_t panel, position, block; // strides of U
  AlignedMemory weights;              // U

  Direction(int input_channels, int output_channels, int panel_width)
      : inputs(input_channels), outputs(output_channels), row(round_up(inputs, cache_line) + cache_line),
        panel(static_cast<std::size_t>(inputs) * panel_width),
        position(output_block / panel_width * panel + cache_line), block(winograd_positions * position),
        weights(divide_up(outputs, output_block) * block) {}

  int output_blocks() const { return divide_up(outputs, output_block); }
  int most_block_tiles() const {
    return std::clamp(static_cast<int>(block_floats / (winograd_positions * row)), 6, 24);
  }
  WinogradLayout input_layout(int tiles) const {
    return {static_cast<std::size_t>(tiles) * row + cache_line, 0, static_cast<std::size_t>(row), row};
  }
  WinogradLayout output_layout(int tiles) const {
    return {static_cast<std::size_t>(tiles) * output_block + cache_line, 0, output_block, output_block};
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
    statistics_.reserve(blocks_of(forward_, tiles, true), shape.output_channels);
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
    const std::size_t blocks = blocks_of(forward_, tiles_of(batch), statistics != nullptr);
    if (statistics) statistics_.reserve(blocks, shape_.output_channels);
    transform_weights();
    convolve(forward_, batch, input, statistics != nullptr, nullptr, output);
    if (statistics) statistics_.combine(blocks, statistics);
  }

  void infer(int batch, const float* input, const InferenceEpilogue& epilogue, float* output) override {
    check_shape(!epilogue.pool || (shape_.height % 2 == 0 && shape_.width % 2 == 0),
                "a 2x2 pool needs an even height and width");
    // The first image goes without weights kept in transformed form: a program that classifies one cell and ends is
    // spared filling their memory, which takes longer than the pass itself.
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

  // Of tiles. With statistics the shape alone decides, and 16 tiles at most: how sums are cut is part of the result.
  // Else an even number of blocks, since most machines have an even number of cores, unless they are all full.
  static int blocks_of(const Direction& direction, int tiles, bool statistics) {
    if (statistics) return divide_up(tiles, std::min(16, direction.most_block_tiles()));
    const int most = direction.most_block_tiles(), blocks = divide_up(tiles, most);
    return blocks == 1 || tiles % most == 0 ? blocks : round_up(blocks, 2);
  }
  void transform_weights();
  void transform_weights(const Direction& direction, float* blocks) const;
  void transform_weights(const Direction& direction, int first, int count, float* block) const;
  void reserve(const Direction& direction);
  void convolve(const Direction& direction, int batch, const float* input, bool statistics,
                const InferenceEpilogue* epilogue, float* output);
  void multiply(const Direction& direction, const float* weights, int position, int block, int tiles,
                const float* transformed, float* product) const;
  void write(const Direction& direction, const TileRange& range, int block_of_tiles, int block,
             const float* product, bool statistics, const InferenceEpilogue* epilogue, float* output);

  // How the weight gradient is cut. A task's scratch memory holds a stretch of transformed input, then of gradient.
  struct Stretch {
    int tiles;         // of a stretch
    int rows;          // of positions, of a task
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
  BlockStatistics statistics_;
  Direction forward_;
  std::unique_ptr<Direction> backward_;
  const float* weights_ = nullptr;
  bool transformed_ = false;     // weights_, for both directions
  bool passed_through_ = false;  // an image, since weights_ were set
};

// Outputs [first, first + count) of a direction, at most those of one of its blocks.
void WinogradConvolution::transform_weights(const Direction& direction, int first, int count, float* block) const {
  const int in_block = first % output_block;
  float* target = block + in_block / kernels_.panel_width * direction.panel + in_block % kernels_.panel_width;
  if (&direction == &forward_)
    kernels_.transform_weights(weights_, direction.inputs, first, count, direction.position, direction.panel, target);
  else
    kernels_.transform_weights_rotated(weights_, shape_.input_channels, shape_.output_channels, first, count,
                                       direction.position, direction.panel, target);
}

// All outputs of a direction, one block after the other.
void WinogradConvolution::transform_weights(const Direction& direction, float* blocks) const {
  constexpr int group = 16;  // outputs of a task; a multiple or a divisor of every panel width
  context_.parallel_for(divide_up(direction.outputs, group), [&](std::size_t index, int) {
    const int first = static_cast<int>(index) * group;
    transform_weights(direction, first, std::min(group, direction.outputs - first),
                      blocks + first / output_block * direction.block);
  });
}

void WinogradConvolution::transform_weights() {
  if (transformed_) return;
  transform_weights(forward_, forward_.weights.data());
  if (backward_) transform_weights(*backward_, backward_->weights.data());
  transformed_ = true;
}

void WinogradConvolution::reserve(const Direction& direction) {
  const int most = direction.most_block_tiles();
  const std::size_t tiles = direction.input_layout(most).position + direction.output_layout(most).position;
  const std::size_t weights = std::max(context_.threads(), direction.output_blocks()) * direction.block;
  context_.reserve_workspace(weights, winograd_positions * tiles);
}

void WinogradConvolution::convolve(const Direction& direction, int batch, const float* input, bool statistics,
                                   const InferenceEpilogue* epilogue, float* output) {
  check_shape(batch <= shape_.batch, "a convolution was given more images than the batch it was made for");
  const int tiles = tiles_of(batch), blocks = blocks_of(direction, tiles, statistics);
  const int groups = direction.output_blocks();
  constexpr int none = -1;
  std::vector<int> transformed_block(context_.threads(), none);  // whose transformed input a thread has at hand
  const std::size_t transformed_size =
      winograd_positions * direction.input_layout(direction.most_block_tiles()).position;
  // Weights that are not kept: where a block of them serves one block of tiles, each thread transforms the one it needs.
  float* passing_weights = context_.workspace();
  const bool weights_by_task = !transformed_ && blocks == 1;
  if (!transformed_ && !weights_by_task) transform_weights(direction, passing_weights);
  const WinogradGrid input_grid = grid(direction.inputs);
  context_.parallel_for(static_cast<std::size_t>(blocks) * groups, [&](std::size_t index, int slot) {
    const int block_of_tiles = static_cast<int>(index) / groups, block = static_cast<int>(index) % groups;
    const TileRange range(tiles, blocks, block_of_tiles);
    const TileRange next(tiles, blocks, block_of_tiles + 1);  // most likely this thread's next one
    float* transformed = context_.own_workspace(slot);
    float* product = transformed + transformed_size;
    if (transformed_block[slot] != block_of_tiles) {
      kernels_.transform_input(input, input_grid, range.begin, range.size(), all_rows,
                               direction.input_layout(range.size()), transformed);
      transformed_block[slot] = block_of_tiles;
    }
    const float* weights = (transformed_ ? direction.weights.data() : passing_weights) + block * direction.block;
    if (weights_by_task) {
      const int first = block * output_block;
      float* own_weights = passing_weights + slot * direction.block;
      transform_weights(direction, first, std::min(output_block, direction.outputs - first), own_weights);
      weights = own_weights;
    }
    for (int position = 0; position < winograd_positions; ++position) {
      multiply(direction, weights, position, block, range.size(), transformed, product);
      if (block_of_tiles + 1 < blocks)
        kernels_.prefetch_input(input, input_grid, next.begin, next.size(), block * winograd_positions + position,
                                groups * winograd_positions);
    }
    write(direction, range, block_of_tiles, block, product, statistics, epilogue, output);
  });
}

// The product at one position: tiles x inputs times inputs x (up to) 64 outputs.
void WinogradConvolution::multiply(const Direction& direction, const float* weights, int position, int block, int tiles,
                                   const float* transformed, float* product) const {
  const int outputs = std::min(output_block, direction.outputs - block * output_block);
  weights += position * direction.position;
  const float* left = transformed + position * direction.input_layout(tiles).position;
  float* target = product + position * direction.output_layout(tiles).position;
  for (int output = 0; output < outputs; output += kernels_.panel_width) {
    kernels_.multiply(tiles, std::min(kernels_.panel_width, outputs - output), direction.inputs, left, direction.row, 1,
                      weights, target + output, output_block, false);
    weights += direction.panel;
  }
}

void WinogradConvolution::write(const Direction& direction, const TileRange& range, int block_of_tiles, int block,
                                const float* product, bool statistics, const InferenceEpilogue* epilogue,
                                float* output) {
  const int channel = block * output_block, channels = std::min(output_block, direction.outputs - channel);
  float first[output_block], sum[output_block], square_sum[output_block];
  const WinogradStatistics sums = {first, sum, square_sum};
  WinogradEpilogue epilogue_source = {};
  if (epilogue) {
    epilogue_source = {epilogue->scale ? epilogue->scale + channel : nullptr,
                       epilogue->shift ? epilogue->shift + channel : nullptr, epilogue->relu, epilogue->pool};
  }
  const WinogradGrid cut = grid(direction.outputs);
  kernels_.transform_output(product, direction.output_layout(range.size()), cut, range.begin, range.size(), channel, channels,
                            statistics ? &sums : nullptr, epilogue ? &epilogue_source : nullptr, output);
  if (!statistics) return;
  int pixels = 0;
  for (int tile = range.begin; tile < range.end; ++tile) {
    const int row = tile / cut.columns % cut.rows, column = tile % cut.columns;
    pixels += std::min(4, cut.height - row * 4) * std::min(4, cut.width - column * 4);
  }
  if (block == 0) statistics_.set_count(block_of_tiles, pixels);
  for (int c = 0; c < channels; ++c) {
    const double difference = static_cast<double>(sum[c]) / pixels;  // of the mean to the first value
    statistics_.mean(block_of_tiles)[channel + c] = first[c] + difference;
    statistics_.deviations(block_of_tiles)[channel + c] = square_sum[c] - difference * sum[c];
  }
}

WinogradConvolution::Stretch WinogradConvolution::stretch(int tiles) const {
  const int panel_width = kernels_.panel_width, threads = context_.threads();
  const int inputs = round_up(shape_.input_channels, panel_width), outputs = shape_.output_channels;
  Stretch result;
  result.tiles = std::min(stretch_tiles, tiles);
  result.rows = threads < 4 ? 6 / threads : 1;
  result.outputs = round_up(divide_up(outputs, divide_up(threads, 6)), cache_line);
  const int gradient_row = result.outputs + cache_line;
  result.product_row = inputs + cache_line;
  result.product_position = static_cast<std::size_t>(outputs) * result.product_row + cache_line;
  const std::size_t panel = static_cast<std::size_t>(result.tiles) * panel_width + cache_line;
  result.input = {inputs / panel_width * panel, panel, static_cast<std::size_t>(panel_width), panel_width};
  result.gradient = {static_cast<std::size_t>(result.tiles) * gradient_row + cache_line, 0,
                     static_cast<std::size_t>(gradient_row), gradient_row};
  return result;
}

void WinogradConvolution::reserve_weight_gradient(int tiles) {
  const Stretch sizes = stretch(tiles);
  context_.reserve_workspace(winograd_positions * sizes.product_position, sizes.task_size());
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

  context_.parallel_for(row_tasks * output_tasks, [&](std::size_t index, int slot) {
    const int first_row = static_cast<int>(index) % row_tasks * sizes.rows;
    const WinogradRows rows = {first_row, first_row + sizes.rows};
    const int first_output = static_cast<int>(index) / row_tasks * sizes.outputs;
    const int task_outputs = std::min(sizes.outputs, outputs - first_output);
    const int steps = 6 * sizes.rows * panels;
    float* transformed_input = context_.own_workspace(slot);
    float* transformed_gradient = transformed_input + sizes.input_size();
    float* task_products =
        products + 6 * first_row * sizes.product_position + static_cast<std::size_t>(first_output) * sizes.product_row;
    for (int first = 0; first < tiles; first += sizes.tiles) {
      const int count = std::min(sizes.tiles, tiles - first);
      const int next = first + count, next_count = std::min(sizes.tiles, tiles - next);
      kernels_.transform_input(input, input_grid, first, count, rows, sizes.input, transformed_input);
      kernels_.transform_gradient(output_gradient, gradient_grid, first, count, first_output, task_outputs, rows,
                                  sizes.gradient, transformed_gradient);
      for (int step = 0; step < steps; ++step) {
        const int position = step / panels, panel = step % panels;
        kernels_.multiply(task_outputs, std::min(panel_width, inputs - panel * panel_width), count,
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
