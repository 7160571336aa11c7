// 3x3 convolution computed directly: how the work is cut and what is copied. The inner loops are kernels/convolution.cc
// and kernels/convolution_weight_gradient.cc.
//
// Forward and data gradient: a task is a block of rows of one image. Its input rows are copied with a border of zeros
// into the thread's scratch memory (a small part of the work, and the kernel needs to know no borders), then all output
// channels are computed, and statistics or the inference epilogue follow while the rows lie in the cache. The data
// gradient is the same convolution with the weights rotated by 180 degrees, and inputs and outputs exchanged.
//
// Weight gradient: a task is a chunk of consecutive images, with a sum of its own; the chunks' sums are then added in
// order. The number of chunks depends on the shape alone.
#include "direct_convolution.h"

#include <algorithm>
#include <cstring>

#include "partial_statistics.h"
#include "shape_check.h"

namespace deepyeast {

namespace {

using std::ptrdiff_t;

constexpr int kMaximumChunks = 24;
constexpr std::size_t kMaximumChunkFloats = 12u << 20;  // over all chunks: 48 MB
constexpr int kGradientBlockPixels = 128;
constexpr int kFewChannels = 8;  // below, the three pixels under a row of the kernel are one run of columns

int rounded_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

// Rows of one task: a few hundred pixels, so that the copied border is a small part of them; fewer for small batches, so
// that there are tasks for all threads. An even number, for the pool.
int block_rows(int batch, int height, int row_width) {
  const int pixels = batch >= 16 ? 512 : 64;
  return std::min(height, std::max(2, pixels / row_width / 2 * 2));
}

// Rows [first - 1, first + rows + 1) of an image with a pixel of zeros on each side; target pixels are `pixel` floats
// apart.
void copy_padded(const float* image, int height, int row_width, int channels, int first, int rows, ptrdiff_t pixel,
                 float* target) {
  const std::size_t row_floats = static_cast<std::size_t>(row_width) * channels;
  for (int y = first - 1; y <= first + rows; ++y, target += (row_width + 2) * pixel) {
    if (y < 0 || y >= height) {
      std::memset(target, 0, sizeof(float) * (row_width + 2) * pixel);
      continue;
    }
    const float* source = image + y * row_floats;
    std::memset(target, 0, sizeof(float) * pixel);
    std::memset(target + (row_width + 1) * pixel, 0, sizeof(float) * pixel);
    if (pixel == channels) {
      std::memcpy(target + pixel, source, sizeof(float) * row_floats);
    } else {
      for (int x = 0; x < row_width; ++x)
        std::memcpy(target + (x + 1) * pixel, source + static_cast<ptrdiff_t>(x) * channels,
                    sizeof(float) * channels);
    }
  }
}

class DirectConvolution : public CpuConvolution {
 public:
  DirectConvolution(const ConvolutionShape& shape, bool training, CpuContext& context)
      : shape_(shape), training_(training), context_(context), width_(context.kernels().width),
        weights_(packed_size(shape.input_channels, shape.output_channels)),
        rotated_weights_(training ? packed_size(shape.output_channels, shape.input_channels) : 0) {
    check_shape(shape.batch > 0 && shape.height > 0 && shape.width > 0 && shape.input_channels > 0 &&
                    shape.output_channels > 0,
                "a convolution needs a positive batch, height, width and numbers of channels");
    for (const int batch : {1, shape.batch}) {  // small and large batches are cut differently
      context_.reserve_workspace(
          0, padded_size(batch, shape.input_channels) + block_size(batch, shape.output_channels));
      if (!training_) continue;
      context_.reserve_workspace(0, padded_size(batch, shape.output_channels));
      statistics_.reserve(static_cast<std::size_t>(shape.batch) * blocks_per_image(batch), shape.output_channels);
    }
    if (training_)
      context_.reserve_workspace(std::min<std::size_t>(most_chunks(), shape.batch) * gradient_size(),
                                 gradient_scratch_size());
  }

  void set_weights(const float* weights) override {
    const int inputs = shape_.input_channels, outputs = shape_.output_channels;
    // [k][tap][c] to [k / width][tap][c][k % width]; the rest of the last vector stays zero.
    context_.parallel_for(static_cast<std::size_t>(rounded_up(outputs, width_) / width_), [&](std::size_t v, int) {
      const int first = static_cast<int>(v) * width_, count = std::min(width_, outputs - first);
      float* target = weights_.data() + v * 9 * inputs * width_;
      for (int i = 0; i < 9 * inputs; ++i, target += width_)
        for (int k = 0; k < count; ++k) target[k] = weights[static_cast<ptrdiff_t>(first + k) * 9 * inputs + i];
    });
    if (!training_) return;
    // The same with [c][8 - tap][k].
    context_.parallel_for(static_cast<std::size_t>(rounded_up(inputs, width_) / width_), [&](std::size_t v, int) {
      const int first = static_cast<int>(v) * width_, count = std::min(width_, inputs - first);
      float* target = rotated_weights_.data() + v * 9 * outputs * width_;
      for (int tap = 8; tap >= 0; --tap)
        for (int k = 0; k < outputs; ++k, target += width_)
          for (int c = 0; c < count; ++c) target[c] = weights[(static_cast<ptrdiff_t>(k) * 9 + tap) * inputs + first + c];
    });
  }

  void forward(int batch, const float* input, float* output, BatchStatistics* statistics) override {
    const int channels = shape_.output_channels;
    if (statistics != nullptr) statistics_.reserve(batch * blocks_per_image(batch), channels);
    convolve(batch, input, shape_.input_channels, weights_.data(), channels, nullptr, output,
             [&](std::size_t block, float* rows, int count) {
               if (statistics == nullptr) return;
               const ptrdiff_t pixels = static_cast<ptrdiff_t>(count) * shape_.width;
               context_.kernels().statistics->block(rows, pixels, channels, channels, statistics_.mean(block),
                                                    statistics_.deviations(block));
               statistics_.set_count(block, static_cast<std::size_t>(pixels));
             });
    if (statistics != nullptr) statistics_.combine(batch * blocks_per_image(batch), statistics);
  }

  void infer(int batch, const float* input, const InferenceEpilogue& epilogue, float* output) override {
    const int channels = shape_.output_channels;
    const InferenceKernels& kernels = *context_.kernels().inference;
    if (!epilogue.pool && epilogue.scale != nullptr && epilogue.shift != nullptr) {
      const ConvolutionEpilogue same = {epilogue.scale, epilogue.shift, epilogue.relu};
      convolve(batch, input, shape_.input_channels, weights_.data(), channels, &same, output,
               [](std::size_t, float*, int) {});
      return;
    }
    if (!epilogue.pool) {
      convolve(batch, input, shape_.input_channels, weights_.data(), channels, nullptr, output,
               [&](std::size_t, float* rows, int count) {
                 kernels.affine(rows, static_cast<ptrdiff_t>(count) * shape_.width, channels, epilogue.scale,
                                epilogue.shift, epilogue.relu, rows);
               });
      return;
    }
    check_shape(shape_.height % 2 == 0 && shape_.width % 2 == 0, "a 2x2 pool needs an even height and width");
    const ptrdiff_t row = static_cast<ptrdiff_t>(shape_.width) * channels;
    const int block = block_rows(batch, shape_.height, shape_.width);
    const std::size_t blocks = blocks_per_image(batch);
    convolve(batch, input, shape_.input_channels, weights_.data(), channels, nullptr, nullptr,
             [&](std::size_t index, float* rows, int count) {
               float* target = output + (index / blocks * shape_.height + index % blocks * block) / 2 * (row / 2);
               for (int y = 0; y < count; y += 2, target += row / 2)
                 kernels.affine_pool(rows + y * row, shape_.width, channels, epilogue.scale, epilogue.shift,
                                     epilogue.relu, target);
             });
  }

  void backward_data(int batch, const float* output_gradient, float* input_gradient) override {
    convolve(batch, output_gradient, shape_.output_channels, rotated_weights_.data(), shape_.input_channels,
             nullptr, input_gradient, [](std::size_t, float*, int) {});
  }

  void backward_weights(int batch, const float* input, const float* output_gradient, float* weight_gradient) override {
    check_shape(batch <= shape_.batch, "a convolution was given more images than the batch it was made for");
    const int inputs = shape_.input_channels, outputs = shape_.output_channels;
    const std::size_t image_pixels = static_cast<std::size_t>(shape_.height) * shape_.width;
    const std::size_t chunks = chunks_for(batch);
    const int chunk_images = images_per_chunk(batch);
    const WeightGradientKernels& kernels = *context_.kernels().weight_gradient;
    const int vectors = rounded_up(outputs, width_) / width_;
    const int taps = inputs < kFewChannels ? 1 : 3;
    const ptrdiff_t pixel = gradient_pixel_stride();
    const int rows = gradient_block_rows();
    float* sums = context_.workspace();

    context_.parallel_for(chunks, [&](std::size_t chunk, int slot) {
      float* sum = sums + chunk * gradient_size();
      std::memset(sum, 0, sizeof(float) * gradient_size());
      float* packed = context_.own_workspace(slot);
      float* padded = packed + static_cast<std::size_t>(rows) * shape_.width * vectors * width_;
      const int first = static_cast<int>(chunk) * chunk_images, last = std::min(batch, first + chunk_images);
      for (int image = first; image < last; ++image) {
        for (int y = 0; y < shape_.height; y += rows) {
          const int count = std::min(rows, shape_.height - y);
          copy_padded(input + image * image_pixels * inputs, shape_.height, shape_.width, inputs, y, count, pixel,
                      padded);
          kernels.pack_gradient(
              output_gradient + (image * image_pixels + static_cast<std::size_t>(y) * shape_.width) * outputs,
              static_cast<ptrdiff_t>(count) * shape_.width, outputs, packed);
          kernels.weight_gradient(padded, (shape_.width + 2) * pixel, pixel, taps, 9 * inputs / (3 * taps), packed,
                                  vectors, count, shape_.width, sum);
        }
      }
    });

    // A task adds up the chunks' sums of one vector of output channels, then writes them to their places.
    const ptrdiff_t row = static_cast<ptrdiff_t>(9) * inputs;
    context_.parallel_for(static_cast<std::size_t>(vectors), [&](std::size_t v, int) {
      float* total = sums + static_cast<ptrdiff_t>(v) * row * width_;
      kernels.add_chunks(total, static_cast<int>(chunks), static_cast<ptrdiff_t>(gradient_size()), row * width_);
      const int first = static_cast<int>(v) * width_, present = std::min(width_, outputs - first);
      for (int k = 0; k < present; ++k)
        for (ptrdiff_t i = 0; i < row; ++i) weight_gradient[(first + k) * row + i] = total[i * width_ + k];
    });
  }

 private:
  std::size_t packed_size(int inputs, int outputs) const {
    return static_cast<std::size_t>(9) * inputs * rounded_up(outputs, context_.kernels().width);
  }
  std::size_t blocks_per_image(int batch) const {
    const int rows = block_rows(batch, shape_.height, shape_.width);
    return static_cast<std::size_t>((shape_.height + rows - 1) / rows);
  }
  // Floats of one thread's padded input rows, and of one block of output rows.
  std::size_t padded_size(int batch, int channels) const {
    const std::size_t rows = block_rows(batch, shape_.height, shape_.width) + 2;
    return (rows * (shape_.width + 2) * channels + 15) / 16 * 16;
  }
  std::size_t block_size(int batch, int channels) const {
    const std::size_t rows = block_rows(batch, shape_.height, shape_.width);
    return (rows * shape_.width * channels + 15) / 16 * 16;
  }

  std::size_t gradient_size() const { return packed_size(shape_.input_channels, shape_.output_channels); }
  int most_chunks() const {
    return static_cast<int>(
        std::min<std::size_t>(kMaximumChunks, std::max<std::size_t>(4, kMaximumChunkFloats / gradient_size())));
  }
  int images_per_chunk(int batch) const { return (batch + most_chunks() - 1) / most_chunks(); }
  std::size_t chunks_for(int batch) const {
    const int images = images_per_chunk(batch);
    return static_cast<std::size_t>((batch + images - 1) / images);
  }
  int gradient_block_rows() const { return std::min(shape_.height, std::max(1, kGradientBlockPixels / shape_.width)); }
  // 16 floats more than a power of two: otherwise all pixels would compete for the same few lines of the first-level cache.
  ptrdiff_t gradient_pixel_stride() const {
    return shape_.input_channels < kFewChannels ? shape_.input_channels : rounded_up(shape_.input_channels, 16) + 16;
  }
  std::size_t gradient_scratch_size() const {
    const std::size_t rows = gradient_block_rows();
    const std::size_t packed = rows * shape_.width * rounded_up(shape_.output_channels, width_);
    const std::size_t padded = (rows + 2) * (shape_.width + 2) * gradient_pixel_stride();
    return (packed + padded + 15) / 16 * 16;
  }

  // Calls after(block, rows, count) for each block of rows, with its index in the batch, its output rows and their number.
  // output null: the rows go to scratch memory only.
  template <typename After>
  void convolve(int batch, const float* input, int inputs, const float* weights, int outputs,
                const ConvolutionEpilogue* epilogue, float* output, const After& after) {
    check_shape(batch <= shape_.batch, "a convolution was given more images than the batch it was made for");
    const int height = shape_.height, row_width = shape_.width;
    const int rows = block_rows(batch, height, row_width);
    const std::size_t blocks = blocks_per_image(batch);
    const std::size_t padded = padded_size(batch, inputs);
    const std::size_t image_pixels = static_cast<std::size_t>(height) * row_width;
    context_.parallel_for(batch * blocks, [&](std::size_t block, int slot) {
      const std::size_t image = block / blocks;
      const int first = static_cast<int>(block % blocks) * rows, count = std::min(rows, height - first);
      float* source = context_.own_workspace(slot);
      float* target = output == nullptr
                          ? source + padded
                          : output + (image * image_pixels + static_cast<std::size_t>(first) * row_width) * outputs;
      copy_padded(input + image * image_pixels * inputs, height, row_width, inputs, first, count, inputs, source);
      context_.kernels().convolution->forward(source, static_cast<ptrdiff_t>(row_width + 2) * inputs, inputs, weights,
                                              count, row_width, epilogue, target, outputs);
      after(block, target, count);
    });
  }

  const ConvolutionShape shape_;
  const bool training_;
  CpuContext& context_;
  const int width_;
  AlignedMemory weights_, rotated_weights_;
  PartialStatistics statistics_;
};

}  // namespace

std::unique_ptr<CpuConvolution> make_direct_convolution(const ConvolutionShape& shape, bool training,
                                                     CpuContext& context) {
  return std::make_unique<DirectConvolution>(shape, training, context);
}

}  // namespace deepyeast
