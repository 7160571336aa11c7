// Batch normalization, ReLU, 2x2 max pool and dropout, and their gradients; see normalization.cc.
#pragma once

#include <cstddef>
#include <cstdint>

namespace deepyeast {

// Per channel. The normalized value is (x - mean) * scale + shift, scale = gamma / sqrt(variance + epsilon).
struct NormalizationCoefficients {
  const float* mean;
  const float* scale;
  const float* shift;
};

// A cell's random words decide dropout: a unit is dropped where its word is below the threshold, else multiplied by
// `keep`.
struct DropoutMask {
  const std::uint32_t* words;
  std::uint32_t threshold;
  float keep;
};

// The gradient with respect to a channel's input is
//   scale * (z - z_mean - (x - mean) * slope)
// where z is the gradient before ReLU and pool, z_mean its mean and slope = sum(z (x - mean)) / (n (variance + epsilon)).
struct NormalizationGradient {
  const float* z_mean;
  const float* slope;
};

struct NormalizationKernels {
  // [pixels][channels] each.
  void (*forward)(const float* input, std::ptrdiff_t pixels, int channels, const NormalizationCoefficients& coefficients,
                  float* output);
  // A pair of rows [2][row_width][channels] to [row_width / 2][channels].
  void (*forward_pool)(const float* input, int row_width, int channels, const NormalizationCoefficients& coefficients,
                       float* output);
  // One cell of a dense layer.
  void (*forward_dropout)(const float* input, int channels, const NormalizationCoefficients& coefficients,
                          const DropoutMask& mask, float* output);

  // Adds to sums[c] the sum of z and to products[c] that of z (x - mean). At most a few thousand pixels into one pair:
  // they are in single precision.
  void (*sums)(const float* input, const float* output_gradient, std::ptrdiff_t pixels, int channels,
               const NormalizationCoefficients& coefficients, float* sums, float* products);
  void (*sums_pool)(const float* input, const float* output_gradient, int row_width, int channels,
                    const NormalizationCoefficients& coefficients, float* sums, float* products);
  void (*sums_dropout)(const float* input, const float* output_gradient, int channels,
                       const NormalizationCoefficients& coefficients, const DropoutMask& mask, float* sums,
                       float* products);

  void (*backward)(const float* input, const float* output_gradient, std::ptrdiff_t pixels, int channels,
                   const NormalizationCoefficients& coefficients, const NormalizationGradient& gradient,
                   float* input_gradient);
  void (*backward_pool)(const float* input, const float* output_gradient, int row_width, int channels,
                        const NormalizationCoefficients& coefficients, const NormalizationGradient& gradient,
                        float* input_gradient);
  void (*backward_dropout)(const float* input, const float* output_gradient, int channels,
                           const NormalizationCoefficients& coefficients, const DropoutMask& mask,
                           const NormalizationGradient& gradient, float* input_gradient);
};

}  // namespace deepyeast
