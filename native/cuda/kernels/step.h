// The two ends of a training iteration: images in, loss and parameters out; and conversions.
#pragma once

#include "../../engine/shapes.h"
#include "rows.h"

namespace deepyeast::cuda {

// What changes from one iteration to the next, at an address that never does: recorded kernels read it there. Labels,
// rows and codes follow it in the same block of memory.
struct IterationBlock {
  const std::uint8_t* images;       // of the batch, or all that the device holds
  const std::uint32_t* rows;        // which of them; null: the batch's own, in order
  const std::uint8_t* augmentation; // null: none
  std::uint32_t iteration;
  float learning_rate;
  const CellPerturbation* perturbations;  // null: none
  const float* targets;                   // [batch, classes]; null: the labels
};

// What iterations leave for the host: results in the order of iterations, and whether a loss was not finite, after which
// parameters stay as they are.
constexpr int most_pending = 256;
struct Results {
  std::uint32_t number;
  std::uint32_t stopped;
  StepResult results[most_pending];
};

// (pixel - mean[y, x, c]) * scale; one thread a pixel. A code of augmentation is undone last step first: see backend.h.
template <typename Type>
struct Gather {
  Index count;  // pixels of the batch
  int size, channels;
  const std::uint8_t* images;
  const std::uint8_t* augmentation;  // null: none
  const IterationBlock* block;       // not null: images and augmentation are its
  const float* mean;
  float scale;
  Type* output;

  DEEPYEAST_DEVICE void operator()(Index pixel) const {
    const std::uint8_t* source = block != nullptr ? block->images : images;
    const std::uint32_t* rows = block != nullptr ? block->rows : nullptr;
    const std::uint8_t* codes = block != nullptr ? block->augmentation : augmentation;
    const Index area = static_cast<Index>(size) * size, cell = pixel / area, place = pixel - cell * area;
    const int y = static_cast<int>(place / size), x = static_cast<int>(place % size);
    const int code = codes != nullptr ? codes[cell] : 0;
    int row = code & 4 ? x : y, column = code & 4 ? y : x;
    if (code & 2) row = size - 1 - row;
    if (code & 1) column = size - 1 - column;
    const Index image = rows != nullptr ? static_cast<Index>(rows[cell]) : cell;
    const std::uint8_t* from = source + (image * area + static_cast<Index>(row) * size + column) * channels;
    for (int c = 0; c < channels; ++c)
      output[pixel * channels + c] =
          from_float<Type>((static_cast<float>(from[c]) - mean[place * channels + c]) * scale);
  }
};

// Softmax of one row, in double, against the row's maximum.
struct SoftmaxRow {
  double largest, sum;
  int best;  // the first of the largest

  DEEPYEAST_DEVICE SoftmaxRow(const float* logits, int classes) : largest(logits[0]), sum(0), best(0) {
    for (int k = 1; k < classes; ++k) {
      if (static_cast<double>(logits[k]) > largest) {
        largest = logits[k];
        best = k;
      }
    }
    for (int k = 0; k < classes; ++k) sum += exp(logits[k] - largest);
  }
  DEEPYEAST_DEVICE double posterior(float logit) const { return exp(logit - largest) / sum; }
};

struct Softmax {
  Index count;  // rows
  int classes;
  const float* logits;
  float* posterior;

  DEEPYEAST_DEVICE void operator()(Index row) const {
    const float* values = logits + row * classes;
    const SoftmaxRow softmax(values, classes);
    for (int k = 0; k < classes; ++k) posterior[row * classes + k] = static_cast<float>(softmax.posterior(values[k]));
  }
};

template <typename Type>
struct CrossEntropy {
  Index count;  // rows
  int classes;
  const float* logits;
  const std::int32_t* labels;
  const float* targets;         // [rows, classes]; null: the labels
  const IterationBlock* block;  // not null: targets are its
  double* losses;
  std::int32_t* predicted;
  Type* gradient;  // null: not wanted

  DEEPYEAST_DEVICE void operator()(Index row) const {
    const float* values = logits + row * classes;
    const SoftmaxRow softmax(values, classes);
    const int label = labels[row];
    const float* all = block != nullptr ? block->targets : targets;
    const float* own = all != nullptr ? all + row * classes : nullptr;
    if (own == nullptr) {
      losses[row] = softmax.largest - values[label] + log(softmax.sum);
    } else {
      double loss = 0;
      for (int k = 0; k < classes; ++k) loss += own[k] * (softmax.largest - values[k] + log(softmax.sum));
      losses[row] = loss;
    }
    predicted[row] = softmax.best;
    if (gradient == nullptr) return;
    for (int k = 0; k < classes; ++k)
      gradient[row * classes + k] = from_float<Type>(static_cast<float>(
          (softmax.posterior(values[k]) - (own != nullptr ? static_cast<double>(own[k]) : k == label ? 1.0 : 0.0)) /
          static_cast<double>(count)));
  }
};

// Mean loss and number of right cells of a batch, to the next place of Results. One block.
struct BatchResult {
  Index count;
  const double* losses;
  const std::int32_t* predicted;
  const std::int32_t* labels;
  Results* results;

  static constexpr std::size_t shared_bytes = block_threads * (sizeof(double) + sizeof(int));
  Index blocks() const { return 1; }

  DEEPYEAST_DEVICE void first(Index, int thread, void* shared) const {
    double loss = 0;
    int correct = 0;
    for (Index i = thread; i < count; i += block_threads) {
      loss += losses[i];
      correct += predicted[i] == labels[i] ? 1 : 0;
    }
    static_cast<double*>(shared)[thread] = loss;
    reinterpret_cast<int*>(static_cast<double*>(shared) + block_threads)[thread] = correct;
  }
  DEEPYEAST_DEVICE void second(Index, int thread, void* shared) const {
    if (thread != 0) return;
    StepResult result{0.0, 0};
    for (int i = 0; i < block_threads; ++i) {
      result.loss += static_cast<const double*>(shared)[i];
      result.correct += reinterpret_cast<const int*>(static_cast<const double*>(shared) + block_threads)[i];
    }
    result.loss /= static_cast<double>(count);
    const double difference = result.loss - result.loss;  // zero for what is finite
    if (!(difference == 0)) results->stopped = 1;
    results->results[results->number % most_pending] = result;
    results->number += 1;
  }
};

// One step of stochastic gradient descent over all parameters in one launch: they are cut into parts of at most
// `part_values`, each with its decay, and a thread takes four values of one.
struct UpdatePart {
  std::uint64_t offset;
  std::uint32_t count;
  float weight_decay;
};
constexpr int part_values = 4096;

struct Update {
  Index count;  // parts * part_values / 4
  const UpdatePart* parts;
  float momentum;
  bool caffe_momentum;
  float learning_rate;
  const IterationBlock* block;  // not null: the rate is its
  const Results* results;       // not null: nothing happens once it has stopped
  const float* gradient;
  float* parameters;
  float* velocity;

  DEEPYEAST_DEVICE void operator()(Index thread) const {
    if (results != nullptr && results->stopped != 0) return;
    const UpdatePart part = parts[thread / (part_values / 4)];
    const std::uint32_t start = static_cast<std::uint32_t>(thread % (part_values / 4)) * 4;
    if (start >= part.count) return;
    const float rate = block != nullptr ? block->learning_rate : learning_rate;
    const float velocity_rate = caffe_momentum ? rate : 1.0f, step = caffe_momentum ? 1.0f : rate;
    const Index first = static_cast<Index>(part.offset) + start;
    if (start + 4 <= part.count) {
      float g[4], w[4], v[4];
      load<4>(gradient + first, g);
      load<4>(parameters + first, w);
      load<4>(velocity + first, v);
      for (int i = 0; i < 4; ++i) move(g[i], part.weight_decay, velocity_rate, step, w[i], v[i]);
      store<4>(parameters + first, w);
      store<4>(velocity + first, v);
      return;
    }
    for (std::uint32_t i = start; i < part.count; ++i) {
      const Index place = static_cast<Index>(part.offset) + i;
      move(gradient[place], part.weight_decay, velocity_rate, step, parameters[place], velocity[place]);
    }
  }

 private:
  DEEPYEAST_DEVICE void move(float g, float decay, float velocity_rate, float step, float& w, float& v) const {
    const float slope = fmaf(decay, w, g);
    v = fmaf(momentum, v, velocity_rate * slope);
    w = fmaf(-step, v, w);
  }
};

struct Average {
  Index count;
  float share;
  const float* values;
  float* average;

  DEEPYEAST_DEVICE void operator()(Index i) const { average[i] = fmaf(share, values[i] - average[i], average[i]); }
};

template <typename From, typename To>
struct Convert {
  Index count;
  const From* source;
  To* target;

  DEEPYEAST_DEVICE void operator()(Index i) const { target[i] = from_float<To>(to_float(source[i])); }
};

}  // namespace deepyeast::cuda
