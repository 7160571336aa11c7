// 3x3 convolution, stride 1, padding 1, computed directly in float32: for the first layer, whose one to eight input
// channels fill no tensor core and whose output is bound by memory, and for shapes for which cuDNN has no engine.
#pragma once

#include "rows.h"

namespace deepyeast::cuda {

// Weights [output][3][3][input] to [tap][input][output], or, for the data gradient (a convolution of the output's
// gradient with the taps reversed), to [8 - tap][output][input].
struct DirectWeights {
  Index count;
  int inputs, outputs;
  bool reversed;
  const float* weights;
  float* target;

  DEEPYEAST_DEVICE void operator()(Index i) const {
    const Index c = i % inputs, tap = i / inputs % 9, k = i / inputs / 9;
    const Index place = reversed ? ((8 - tap) * outputs + k) * inputs + c : (tap * inputs + c) * outputs + k;
    target[place] = weights[i];
  }
};

// One thread: four neighbouring pixels of a row, `vector` output channels.
template <typename Input, typename Output, int vector>
struct DirectForward {
  Index count;  // threads: batch * height * groups * packs
  int height, width, inputs, outputs;
  int groups, packs;
  const Input* input;
  const float* weights;  // [tap][input][output]
  Output* output;

  static constexpr int pixels = 4;

  DEEPYEAST_DEVICE void operator()(Index thread) const {
    const int offset = static_cast<int>(thread % packs) * vector;
    const Index group = thread / packs;
    const int x = static_cast<int>(group % groups) * pixels;
    const Index line = group / groups;  // image * height + y
    const int y = static_cast<int>(line % height);
    float sums[pixels][vector] = {};
    for (int dy = -1; dy <= 1; ++dy) {
      if (y + dy < 0 || y + dy >= height) continue;
      const Input* row = input + (line + dy) * width * inputs;
      const float* taps = weights + static_cast<Index>(dy + 1) * 3 * inputs * outputs + offset;
      for (int c = 0; c < inputs; ++c) {
        float values[pixels + 2];
        for (int i = 0; i < pixels + 2; ++i) {
          const int column = x + i - 1;
          values[i] = column >= 0 && column < width ? to_float(row[static_cast<Index>(column) * inputs + c]) : 0.0f;
        }
        for (int dx = 0; dx < 3; ++dx) {
          float weight[vector];
          load<vector>(taps + (static_cast<Index>(dx) * inputs + c) * outputs, weight);
          for (int p = 0; p < pixels; ++p)
            for (int v = 0; v < vector; ++v) sums[p][v] = fmaf(values[p + dx], weight[v], sums[p][v]);
        }
      }
    }
    for (int p = 0; p < pixels; ++p)
      if (x + p < width) store<vector>(output + (line * width + x + p) * outputs + offset, sums[p]);
  }
};

// Weight gradient, first stage. A unit is four output channels and one input channel, with all nine taps: 36 sums. A
// block has 32 units and eight lanes, which share out the rows of pixels of its chunk; what they found is added in the
// order of the lanes and goes to partial[chunk][output][tap][input], which ColumnSums adds up.
template <typename Type>
struct DirectWeightGradient {
  int height, width, inputs, outputs;
  Index lines, chunk_lines, chunks;  // of batch * height rows of pixels
  int unit_blocks;
  const Type* input;
  const Type* output_gradient;
  float* partial;

  static constexpr int units = 32, lanes = block_threads / units, channels = 4, sums = 9 * channels;
  static constexpr std::size_t shared_bytes = static_cast<std::size_t>(block_threads) * sums * sizeof(float);

  static int unit_count(int inputs, int outputs) { return (outputs + channels - 1) / channels * inputs; }
  Index blocks() const { return chunks * unit_blocks; }

  DEEPYEAST_DEVICE float at(Index line, int y, int dy, int column, int c) const {
    if (y + dy < 0 || y + dy >= height || column < 0 || column >= width) return 0.0f;
    return to_float(input[((line + dy) * width + column) * inputs + c]);
  }

  DEEPYEAST_DEVICE void first(Index block, int thread, void* shared) const {
    const int unit = static_cast<int>(block % unit_blocks) * units + thread % units;
    const int lane = thread / units;
    float sum[sums] = {};
    const int c = unit % inputs, k = unit / inputs * channels;
    if (k < outputs) {
      const Index begin = block / unit_blocks * chunk_lines;
      const Index end = begin + chunk_lines < lines ? begin + chunk_lines : lines;
      for (Index line = begin + lane; line < end; line += lanes) {
        const int y = static_cast<int>(line % height);
        float left[3], middle[3], right[3];
        for (int i = 0; i < 3; ++i) {
          left[i] = 0.0f;
          middle[i] = at(line, y, i - 1, 0, c);
        }
        DEEPYEAST_UNROLL_4
        for (int x = 0; x < width; ++x) {
          const Type* gradients = output_gradient + (line * width + x) * outputs + k;
          float gradient[channels];
          if (outputs % channels == 0) {
            load<channels>(gradients, gradient);
          } else {
            for (int j = 0; j < channels; ++j) gradient[j] = k + j < outputs ? to_float(gradients[j]) : 0.0f;
          }
          for (int i = 0; i < 3; ++i) right[i] = at(line, y, i - 1, x + 1, c);
          for (int i = 0; i < 3; ++i) {
            for (int j = 0; j < channels; ++j) {
              sum[(3 * i) * channels + j] = fmaf(left[i], gradient[j], sum[(3 * i) * channels + j]);
              sum[(3 * i + 1) * channels + j] = fmaf(middle[i], gradient[j], sum[(3 * i + 1) * channels + j]);
              sum[(3 * i + 2) * channels + j] = fmaf(right[i], gradient[j], sum[(3 * i + 2) * channels + j]);
            }
          }
          for (int i = 0; i < 3; ++i) {
            left[i] = middle[i];
            middle[i] = right[i];
          }
        }
      }
    }
    float* target = static_cast<float*>(shared);
    for (int i = 0; i < sums; ++i) target[i * block_threads + thread] = sum[i];
  }

  DEEPYEAST_DEVICE void second(Index block, int thread, void* shared) const {
    const float* source = static_cast<const float*>(shared);
    const Index chunk = block / unit_blocks;
    for (int i = thread; i < units * sums; i += block_threads) {
      const int unit = static_cast<int>(block % unit_blocks) * units + i % units, sum = i / units;
      const int c = unit % inputs, k = unit / inputs * channels + sum % channels, tap = sum / channels;
      if (k >= outputs) continue;
      float total = 0;
      for (int lane = 0; lane < lanes; ++lane) total += source[sum * block_threads + lane * units + i % units];
      partial[((chunk * outputs + k) * 9 + tap) * inputs + c] = total;
    }
  }
};

}  // namespace deepyeast::cuda
