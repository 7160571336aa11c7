// Batch statistics; batch normalization with ReLU, then a 2x2 max pool or dropout or neither; the gradients; and the
// epilogue of inference. All are bound by memory: each reads and writes its tensors once.
//
// Statistics and the sums behind the gradients come in two stages without atomic operations: blocks write partial sums,
// in an order fixed by the shape, and a second kernel adds them. Nothing but the linear output is kept from the forward
// pass: the gradient recomputes, by the same expression, what ReLU let through and which pixel the pool chose.
#pragma once

#include "rows.h"

namespace deepyeast::cuda {

// --- statistics -----------------------------------------------------------------------------------------------------

// Sums of x - pivot and of its square, where the pivot is the channel's first value: a mean many times the deviation
// (images after ReLU) costs no accuracy.
template <typename Type, int vector>
struct StatisticsSums {
  RowCut cut;
  const Type* values;
  double* partial;

  Index blocks() const { return cut.blocks(); }
  std::size_t shared() const { return PairSums<vector>::shared(cut) * sizeof(float); }

  DEEPYEAST_DEVICE void first(Index block, int thread, void* shared) const {
    const RowPlace place(cut, block, thread);
    if (!place.active) return;
    const Type* column = values + static_cast<Index>(place.pack) * vector;
    float pivot[vector], sum[vector] = {}, square[vector] = {};
    load<vector>(column, pivot);
    struct Values {
      float values[vector];
    };
    const auto read = [&](Index row, Values* loaded) { load<vector>(column + row * cut.channels, loaded->values); };
    for_rows<4, Values>(cut, place, read, [&](Index, const Values& loaded) {
      for (int v = 0; v < vector; ++v) {
        const float deviation = loaded.values[v] - pivot[v];
        sum[v] += deviation;
        square[v] = fmaf(deviation, deviation, square[v]);
      }
    });
    PairSums<vector>::put(cut, place, sum, square, static_cast<float*>(shared));
  }
  DEEPYEAST_DEVICE void second(Index block, int thread, void* shared) const {
    PairSums<vector>::combine(cut, block, thread, static_cast<const float*>(shared), partial);
  }
};

template <typename Type>
struct StatisticsFinish {
  const Type* values;
  double count;
  float* mean;
  float* variance;

  DEEPYEAST_DEVICE void operator()(int channel, double sum, double square) const {
    const double shift = sum / count, spread = square / count - shift * shift;
    mean[channel] = static_cast<float>(static_cast<double>(to_float(values[channel])) + shift);
    variance[channel] = spread < 0 ? 0.0f : static_cast<float>(spread);
  }
};

// running = (1 - momentum) running + momentum batch, the variance made unbiased.
struct RunningStatistics {
  Index count;  // channels
  double momentum, unbiased;
  const float* mean;
  const float* variance;
  float* running_mean;
  float* running_variance;

  DEEPYEAST_DEVICE void operator()(Index c) const {
    running_mean[c] = static_cast<float>((1.0 - momentum) * running_mean[c] + momentum * mean[c]);
    running_variance[c] =
        static_cast<float>((1.0 - momentum) * running_variance[c] + momentum * unbiased * variance[c]);
  }
};

// --- normalization --------------------------------------------------------------------------------------------------

struct NormalizationParameters {
  const float* mean;
  const float* variance;
  const float* gamma;
  const float* beta;
  float epsilon;
};

// Dropout after a dense layer. iteration: in device memory, as the step being replayed has it; null: the stream's own.
struct DropoutParameters {
  Stream stream;
  const std::uint32_t* iteration;
  std::uint32_t threshold;
  float keep;
};

// The coefficients of a thread's channels.
template <int vector>
struct Channels {
  float mean[vector], scale[vector], shift[vector];

  DEEPYEAST_DEVICE Channels(const NormalizationParameters& parameters, int offset) {
    for (int v = 0; v < vector; ++v) {
      const int c = offset + v;
      mean[v] = parameters.mean[c];
      scale[v] = parameters.gamma[c] * (1.0f / sqrtf(parameters.variance[c] + parameters.epsilon));
      shift[v] = parameters.beta[c];
    }
  }
  DEEPYEAST_DEVICE float normalize(int v, float value) const { return fmaf(value - mean[v], scale[v], shift[v]); }
};

enum class After { nothing, pool, dropout };

// The rows of a normalization's output and the inputs behind each.
template <typename Type, int vector, After after>
struct NormalizationRows {
  RowCut cut;         // of the output's rows
  int width;          // of the input, pool only
  const Type* input;
  NormalizationParameters parameters;
  DropoutParameters dropout;

  static constexpr int inputs = after == After::pool ? 4 : 1;
  // Rows whose loads a thread has in flight: a pool's window is four loads by itself.
  static constexpr int ahead = after == After::pool ? 1 : 4;

  // Offset of the first input under an output row, and of the window's others from it.
  DEEPYEAST_DEVICE Index input_of(Index row) const {
    if (after != After::pool) return row * cut.channels;
    const Index half = width / 2, line = row / half, x = row - line * half;
    return (2 * line * width + 2 * x) * cut.channels;
  }
  DEEPYEAST_DEVICE Index place(int i) const {
    return (static_cast<Index>(i / 2) * width + i % 2) * cut.channels;
  }
  DEEPYEAST_DEVICE Stream stream() const {
    Stream stream = dropout.stream;
    if (after == After::dropout && dropout.iteration != nullptr) stream.iteration = *dropout.iteration;
    return stream;
  }
  DEEPYEAST_DEVICE float factor(const Stream& stream, Index element) const {
    return stream.word(static_cast<std::uint64_t>(element)) >= dropout.threshold ? dropout.keep : 0.0f;
  }
};

// The inputs under one output of one pack of channels, as they lie in memory.
template <typename Type, int vector, After after>
struct WindowInputs {
  using Rows = NormalizationRows<Type, vector, after>;
  float values[Rows::inputs][vector];

  DEEPYEAST_DEVICE void read(const Rows& rows, const Type* input) {
    for (int i = 0; i < Rows::inputs; ++i) load<vector>(input + rows.place(i), values[i]);
  }
};

// Those inputs with the largest normalized one and whose it is (the first among equals).
template <typename Type, int vector, After after>
struct Window {
  using Rows = NormalizationRows<Type, vector, after>;
  const float (&values)[Rows::inputs][vector];
  float largest[vector];
  int chosen[vector];

  DEEPYEAST_DEVICE Window(const WindowInputs<Type, vector, after>& inputs, const Channels<vector>& channels)
      : values(inputs.values) {
    for (int v = 0; v < vector; ++v) {
      largest[v] = channels.normalize(v, values[0][v]);
      chosen[v] = 0;
      for (int i = 1; i < Rows::inputs; ++i) {
        const float value = channels.normalize(v, values[i][v]);
        if (value > largest[v] || value != value) {
          largest[v] = value;
          chosen[v] = i;
        }
      }
    }
  }
  DEEPYEAST_DEVICE float value(int v) const {
    float value = values[0][v];
    for (int i = 1; i < Rows::inputs; ++i) value = chosen[v] == i ? values[i][v] : value;
    return value;
  }
};

template <typename Type, int vector, After after>
struct NormalizationForward {
  NormalizationRows<Type, vector, after> rows;
  Type* output;

  Index blocks() const { return rows.cut.blocks(); }
  DEEPYEAST_DEVICE void operator()(Index block, int thread) const {
    const RowCut& cut = rows.cut;
    const RowPlace place(cut, block, thread);
    if (!place.active) return;
    const int offset = place.pack * vector;
    const Channels<vector> channels(rows.parameters, offset);
    const Stream stream = rows.stream();
    using Inputs = WindowInputs<Type, vector, after>;
    const auto read = [&](Index row, Inputs* inputs) { inputs->read(rows, rows.input + rows.input_of(row) + offset); };
    for_rows<NormalizationRows<Type, vector, after>::ahead, Inputs>(cut, place, read, [&](Index row, const Inputs& inputs) {
      const Window<Type, vector, after> window(inputs, channels);
      const Index element = row * cut.channels + offset;
      float result[vector];
      for (int v = 0; v < vector; ++v) {
        result[v] = rectify(window.largest[v]);
        if (after == After::dropout) result[v] *= rows.factor(stream, element + v);
      }
      store<vector>(output + element, result);
    });
  }
};

// What the gradient needs of a row: the inputs and the output's gradient.
template <typename Type, int vector, After after>
struct GradientInputs {
  WindowInputs<Type, vector, after> inputs;
  float output_gradient[vector];

  DEEPYEAST_DEVICE void read(const NormalizationRows<Type, vector, after>& rows, const Type* gradient, Index row,
                             int offset) {
    inputs.read(rows, rows.input + rows.input_of(row) + offset);
    load<vector>(gradient + row * rows.cut.channels + offset, output_gradient);
  }
};

// z: the gradient before ReLU, of the input that passed.
template <typename Type, int vector, After after>
DEEPYEAST_DEVICE void gradient_before_relu(const NormalizationRows<Type, vector, after>& rows, const Stream& stream,
                                           const Window<Type, vector, after>& window,
                                           const float (&output_gradient)[vector], Index element, float (&z)[vector]) {
  for (int v = 0; v < vector; ++v) {
    z[v] = output_gradient[v];
    if (after == After::dropout) z[v] *= rows.factor(stream, element + v);
    z[v] = window.largest[v] > 0.0f ? z[v] : 0.0f;
  }
}

// Sums of z and of z (x - mean).
template <typename Type, int vector, After after>
struct NormalizationSums {
  NormalizationRows<Type, vector, after> rows;
  const Type* output_gradient;
  double* partial;

  Index blocks() const { return rows.cut.blocks(); }
  std::size_t shared() const { return PairSums<vector>::shared(rows.cut) * sizeof(float); }

  DEEPYEAST_DEVICE void first(Index block, int thread, void* shared) const {
    const RowCut& cut = rows.cut;
    const RowPlace place(cut, block, thread);
    if (!place.active) return;
    const int offset = place.pack * vector;
    const Channels<vector> channels(rows.parameters, offset);
    const Stream stream = rows.stream();
    float sum[vector] = {}, product[vector] = {};
    using Inputs = GradientInputs<Type, vector, after>;
    const auto read = [&](Index row, Inputs* loaded) { loaded->read(rows, output_gradient, row, offset); };
    for_rows<NormalizationRows<Type, vector, after>::ahead, Inputs>(cut, place, read, [&](Index row, const Inputs& loaded) {
      const Window<Type, vector, after> window(loaded.inputs, channels);
      float z[vector];
      gradient_before_relu(rows, stream, window, loaded.output_gradient, row * cut.channels + offset, z);
      for (int v = 0; v < vector; ++v) {
        sum[v] += z[v];
        product[v] = fmaf(z[v], window.value(v) - channels.mean[v], product[v]);
      }
    });
    PairSums<vector>::put(cut, place, sum, product, static_cast<float*>(shared));
  }
  DEEPYEAST_DEVICE void second(Index block, int thread, void* shared) const {
    PairSums<vector>::combine(rows.cut, block, thread, static_cast<const float*>(shared), partial);
  }
};

// To the parameters' gradients, and to what the input's gradient needs: z_mean and slope = sum(z (x - mean)) /
// (n (variance + epsilon)).
struct NormalizationFinish {
  const float* variance;
  double epsilon, count;
  float* gamma_gradient;
  float* beta_gradient;
  float* z_mean;
  float* slope;

  DEEPYEAST_DEVICE void operator()(int channel, double sum, double product) const {
    const double inverse = 1.0 / sqrt(static_cast<double>(variance[channel]) + epsilon);
    beta_gradient[channel] = static_cast<float>(sum);
    gamma_gradient[channel] = static_cast<float>(product * inverse);
    z_mean[channel] = static_cast<float>(sum / count);
    slope[channel] = static_cast<float>(product * inverse * inverse / count);
  }
};

// input_gradient = scale (z - z_mean - (x - mean) slope)
template <typename Type, int vector, After after>
struct NormalizationBackward {
  NormalizationRows<Type, vector, after> rows;
  const Type* output_gradient;
  const float* z_mean;
  const float* slope;
  Type* input_gradient;

  Index blocks() const { return rows.cut.blocks(); }
  DEEPYEAST_DEVICE void operator()(Index block, int thread) const {
    const RowCut& cut = rows.cut;
    const RowPlace place(cut, block, thread);
    if (!place.active) return;
    const int offset = place.pack * vector;
    const Channels<vector> channels(rows.parameters, offset);
    const Stream stream = rows.stream();
    float mean_of_z[vector], slope_of[vector];
    for (int v = 0; v < vector; ++v) {
      mean_of_z[v] = z_mean[offset + v];
      slope_of[v] = slope[offset + v];
    }
    using Inputs = GradientInputs<Type, vector, after>;
    const auto read = [&](Index row, Inputs* loaded) { loaded->read(rows, output_gradient, row, offset); };
    for_rows<NormalizationRows<Type, vector, after>::ahead, Inputs>(cut, place, read, [&](Index row, const Inputs& loaded) {
      const Index input = rows.input_of(row) + offset;
      const Window<Type, vector, after> window(loaded.inputs, channels);
      float z[vector];
      gradient_before_relu(rows, stream, window, loaded.output_gradient, row * cut.channels + offset, z);
      for (int i = 0; i < NormalizationRows<Type, vector, after>::inputs; ++i) {
        float result[vector];
        for (int v = 0; v < vector; ++v) {
          const float share = window.chosen[v] == i ? z[v] : 0.0f;
          result[v] = channels.scale[v] *
                      fmaf(channels.mean[v] - window.values[i][v], slope_of[v], share - mean_of_z[v]);
        }
        store<vector>(input_gradient + input + rows.place(i), result);
      }
    });
  }
};

// --- inference ------------------------------------------------------------------------------------------------------

// y = x scale + shift, ReLU, pool, as asked; output may be input where there is no pool.
template <typename Type, int vector, bool pool>
struct Epilogue {
  RowCut cut;  // of the output's rows
  int width;   // of the input, pool only
  const Type* input;
  const float* scale;  // null: 1
  const float* shift;  // null: 0
  bool relu;
  Type* output;

  Index blocks() const { return cut.blocks(); }
  DEEPYEAST_DEVICE void operator()(Index block, int thread) const {
    const RowPlace place(cut, block, thread);
    if (!place.active) return;
    const int offset = place.pack * vector;
    float a[vector], b[vector];
    for (int v = 0; v < vector; ++v) {
      a[v] = scale != nullptr ? scale[offset + v] : 1.0f;
      b[v] = shift != nullptr ? shift[offset + v] : 0.0f;
    }
    constexpr int inputs = pool ? 4 : 1;
    struct Values {
      float values[inputs][vector];
    };
    const auto read = [&](Index row, Values* loaded) {
      Index source = row * cut.channels + offset;
      if (pool) {
        const Index half = width / 2, line = row / half, x = row - line * half;
        source = (2 * line * width + 2 * x) * cut.channels + offset;
      }
      for (int i = 0; i < inputs; ++i)
        load<vector>(input + source + (static_cast<Index>(i / 2) * width + i % 2) * cut.channels, loaded->values[i]);
    };
    for_rows<pool ? 1 : 4, Values>(cut, place, read, [&](Index row, const Values& loaded) {
      float result[vector];
      for (int v = 0; v < vector; ++v) {
        result[v] = fmaf(loaded.values[0][v], a[v], b[v]);
        for (int i = 1; i < inputs; ++i) {
          const float other = fmaf(loaded.values[i][v], a[v], b[v]);
          if (other > result[v] || other != other) result[v] = other;
        }
        if (relu) result[v] = rectify(result[v]);
      }
      store<vector>(output + row * cut.channels + offset, result);
    });
  }
};

}  // namespace deepyeast::cuda
