// Batch normalization, ReLU, then a 2x2 max pool or dropout or neither; and the gradient.
//
// Every pass is bound by memory, so each does all there is to do on a value while it has it, in the order of memory:
// pixels outside, vectors of channels inside. Nothing but the linear input is kept from the forward pass. The backward
// pass needs two (the sums over the batch enter every gradient) and in both recomputes what ReLU let through and which
// pixel the pool chose. All of them get the normalized value from one function, normalize(), with the same operations in
// the same order, so the choices agree bit by bit.
//
// One cell of a dense layer is a pixel with a row of dropout words of its own.
#include "normalization.h"

#include "activation.h"
#include "vector.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

namespace {

// The coefficients of one vector of channels, `count` of which exist.
struct Channels {
  int offset, count;
  Vector mean, scale, shift;
};

DEEPYEAST_INLINE Vector get(const float* source, int count) {
  return count >= kWidth ? load(source) : load_first(source, count);
}
DEEPYEAST_INLINE void put(float* target, Vector value, int count) {
  if (count >= kWidth) store(target, value);
  else store_first(target, value, count);
}

DEEPYEAST_INLINE Channels channels_at(const NormalizationCoefficients& coefficients, int offset, int channels) {
  const int count = channels - offset;
  return {offset, count, get(coefficients.mean + offset, count), get(coefficients.scale + offset, count),
          get(coefficients.shift + offset, count)};
}

DEEPYEAST_INLINE Vector normalize(const Channels& c, Vector value) { return fma(value - c.mean, c.scale, c.shift); }

// Four inputs under one pooled value, in the order in which the first maximum is sought.
struct Window {
  Vector values[4];   // linear
  Vector largest;     // of the normalized values
  Mask chosen[4];     // where the largest came from: exactly one is set
};

DEEPYEAST_INLINE Window window_at(const float* input, std::ptrdiff_t row, int channels, const Channels& c) {
  const std::ptrdiff_t places[4] = {0, channels, row, row + channels};
  Window window;
  window.values[0] = get(input + c.offset, c.count);
  window.largest = normalize(c, window.values[0]);
  window.chosen[0] = ~Mask{};
#pragma GCC unroll 3
  for (int i = 1; i < 4; ++i) {
    window.values[i] = get(input + places[i] + c.offset, c.count);
    const Vector value = normalize(c, window.values[i]);
    const Mask larger = (value > window.largest) | (value != value);
    window.largest = larger ? value : window.largest;
    window.chosen[i] = larger;
#pragma GCC unroll 3
    for (int j = 0; j < i; ++j) window.chosen[j] &= ~larger;
  }
  return window;
}

// 0 or `keep`, from a row of random words.
DEEPYEAST_INLINE Vector dropout_factor(const DropoutMask& mask, const Channels& c) {
  Vector factor;
  for (int i = 0; i < kWidth; ++i)
    factor[i] = i < c.count && mask.words[c.offset + i] >= mask.threshold ? mask.keep : 0.0f;
  return factor;
}

// The gradient before ReLU: that after it where the normalized value is positive.
DEEPYEAST_INLINE Vector through_relu(Vector normalized, Vector gradient) {
  return normalized > Vector{} ? gradient : Vector{};
}

DEEPYEAST_INLINE void add_sums(const Channels& c, Vector z, Vector value, float* sums, float* products) {
  put(sums + c.offset, get(sums + c.offset, c.count) + z, c.count);
  put(products + c.offset, fma(z, value - c.mean, get(products + c.offset, c.count)), c.count);
}

DEEPYEAST_INLINE Vector input_gradient_of(const Channels& c, const NormalizationGradient& gradient, Vector z,
                                          Vector value) {
  const Vector z_mean = get(gradient.z_mean + c.offset, c.count);
  const Vector slope = get(gradient.slope + c.offset, c.count);
  return c.scale * fma(c.mean - value, slope, z - z_mean);
}

void normalization_forward(const float* input, std::ptrdiff_t pixels, int channels,
                           const NormalizationCoefficients& coefficients, float* output) {
  for (std::ptrdiff_t p = 0; p < pixels; ++p, input += channels, output += channels) {
    for (int offset = 0; offset < channels; offset += kWidth) {
      const Channels c = channels_at(coefficients, offset, channels);
      put(output + offset, rectify(normalize(c, get(input + offset, c.count))), c.count);
    }
  }
}

void normalization_forward_pool(const float* input, int row_width, int channels,
                                const NormalizationCoefficients& coefficients, float* output) {
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(row_width) * channels;
  for (int x = 0; x < row_width; x += 2, input += 2 * channels, output += channels) {
    for (int offset = 0; offset < channels; offset += kWidth) {
      const Channels c = channels_at(coefficients, offset, channels);
      put(output + offset, rectify(window_at(input, row, channels, c).largest), c.count);
    }
  }
}

void normalization_forward_dropout(const float* input, int channels, const NormalizationCoefficients& coefficients,
                                   const DropoutMask& mask, float* output) {
  for (int offset = 0; offset < channels; offset += kWidth) {
    const Channels c = channels_at(coefficients, offset, channels);
    const Vector value = rectify(normalize(c, get(input + offset, c.count)));
    put(output + offset, value * dropout_factor(mask, c), c.count);
  }
}

void normalization_sums(const float* input, const float* output_gradient, std::ptrdiff_t pixels, int channels,
                        const NormalizationCoefficients& coefficients, float* sums, float* products) {
  for (std::ptrdiff_t p = 0; p < pixels; ++p, input += channels, output_gradient += channels) {
    for (int offset = 0; offset < channels; offset += kWidth) {
      const Channels c = channels_at(coefficients, offset, channels);
      const Vector value = get(input + offset, c.count);
      add_sums(c, through_relu(normalize(c, value), get(output_gradient + offset, c.count)), value, sums, products);
    }
  }
}

void normalization_sums_pool(const float* input, const float* output_gradient, int row_width, int channels,
                             const NormalizationCoefficients& coefficients, float* sums, float* products) {
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(row_width) * channels;
  for (int x = 0; x < row_width; x += 2, input += 2 * channels, output_gradient += channels) {
    for (int offset = 0; offset < channels; offset += kWidth) {
      const Channels c = channels_at(coefficients, offset, channels);
      const Window window = window_at(input, row, channels, c);
      Vector value = window.values[0];
#pragma GCC unroll 3
      for (int i = 1; i < 4; ++i) value = window.chosen[i] ? window.values[i] : value;
      add_sums(c, through_relu(window.largest, get(output_gradient + offset, c.count)), value, sums, products);
    }
  }
}

void normalization_sums_dropout(const float* input, const float* output_gradient, int channels,
                                const NormalizationCoefficients& coefficients, const DropoutMask& mask, float* sums,
                                float* products) {
  for (int offset = 0; offset < channels; offset += kWidth) {
    const Channels c = channels_at(coefficients, offset, channels);
    const Vector value = get(input + offset, c.count);
    const Vector gradient = get(output_gradient + offset, c.count) * dropout_factor(mask, c);
    add_sums(c, through_relu(normalize(c, value), gradient), value, sums, products);
  }
}

void normalization_backward(const float* input, const float* output_gradient, std::ptrdiff_t pixels, int channels,
                            const NormalizationCoefficients& coefficients, const NormalizationGradient& gradient,
                            float* input_gradient) {
  for (std::ptrdiff_t p = 0; p < pixels; ++p, input += channels, output_gradient += channels, input_gradient += channels) {
    for (int offset = 0; offset < channels; offset += kWidth) {
      const Channels c = channels_at(coefficients, offset, channels);
      const Vector value = get(input + offset, c.count);
      const Vector z = through_relu(normalize(c, value), get(output_gradient + offset, c.count));
      put(input_gradient + offset, input_gradient_of(c, gradient, z, value), c.count);
    }
  }
}

void normalization_backward_pool(const float* input, const float* output_gradient, int row_width, int channels,
                                 const NormalizationCoefficients& coefficients, const NormalizationGradient& gradient,
                                 float* input_gradient) {
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(row_width) * channels;
  const std::ptrdiff_t places[4] = {0, channels, row, row + channels};
  for (int x = 0; x < row_width;
       x += 2, input += 2 * channels, output_gradient += channels, input_gradient += 2 * channels) {
    for (int offset = 0; offset < channels; offset += kWidth) {
      const Channels c = channels_at(coefficients, offset, channels);
      const Window window = window_at(input, row, channels, c);
      const Vector z = through_relu(window.largest, get(output_gradient + offset, c.count));
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const Vector share = window.chosen[i] ? z : Vector{};
        put(input_gradient + places[i] + offset, input_gradient_of(c, gradient, share, window.values[i]), c.count);
      }
    }
  }
}

void normalization_backward_dropout(const float* input, const float* output_gradient, int channels,
                                    const NormalizationCoefficients& coefficients, const DropoutMask& mask,
                                    const NormalizationGradient& gradient, float* input_gradient) {
  for (int offset = 0; offset < channels; offset += kWidth) {
    const Channels c = channels_at(coefficients, offset, channels);
    const Vector value = get(input + offset, c.count);
    const Vector z = through_relu(normalize(c, value), get(output_gradient + offset, c.count) * dropout_factor(mask, c));
    put(input_gradient + offset, input_gradient_of(c, gradient, z, value), c.count);
  }
}

}  // namespace

extern const NormalizationKernels normalization_kernels;
const NormalizationKernels normalization_kernels = {
    normalization_forward, normalization_forward_pool, normalization_forward_dropout,
    normalization_sums,    normalization_sums_pool,    normalization_sums_dropout,
    normalization_backward, normalization_backward_pool, normalization_backward_dropout};

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
