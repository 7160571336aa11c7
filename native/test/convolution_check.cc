#include "convolution_check.h"

#include <algorithm>
#include <cmath>

#include "backends.h"
#include "reference.h"
#include "test.h"

namespace deepyeast::test {

namespace {

std::string describe(const ConvolutionShape& s) {
  return std::to_string(s.batch) + "x" + std::to_string(s.height) + "x" + std::to_string(s.width) + "x" +
         std::to_string(s.input_channels) + " to " + std::to_string(s.output_channels);
}

}  // namespace

void check_convolution(Backend& backend, const ConvolutionFactory& factory, const ConvolutionShape& shape,
                       const std::string& name) {
  const std::string where = name + ", " + describe(shape) + ": ";
  Values random(shape.height * 1000 + shape.input_channels);
  const std::size_t pixels = static_cast<std::size_t>(shape.batch) * shape.height * shape.width;
  const std::vector<float> input = representable(backend, random.after_relu(pixels * shape.input_channels));
  const std::vector<float> weights = random.normal(std::size_t{9} * shape.input_channels * shape.output_channels, 0,
                                                   1 / std::sqrt(9.0 * shape.input_channels));
  const std::vector<float> gradient = representable(backend, random.normal(pixels * shape.output_channels));
  const std::vector<float> scale = random.uniform(shape.output_channels, -1, 2);
  const std::vector<float> shift = random.uniform(shape.output_channels);

  const std::unique_ptr<Convolution> convolution = factory(shape, true);
  Device device_weights(backend, weights);
  Activations device_input(backend, input), device_gradient(backend, gradient);
  Device weight_gradient(backend, weights.size());
  Activations output(backend, gradient.size()), input_gradient(backend, input.size());
  Device mean(backend, scale.size()), variance(backend, scale.size());
  Device device_scale(backend, scale), device_shift(backend, shift);
  convolution->set_weights(device_weights);

  const reference::Array expected = reference::convolution(shape, to_double(input), to_double(weights));
  BatchStatistics statistics{mean, variance};
  convolution->forward(shape.batch, device_input, output, &statistics);
  expect_close(output.values(), expected, kConvolutionTolerance, where + "forward");
  const reference::Statistics moments = reference::statistics(expected, shape.output_channels);
  expect_close(mean.values(), moments.mean, kConvolutionTolerance, where + "mean");
  // The variance inherits the rounding errors of the outputs, which are in proportion to their mean.
  double largest_mean = 0, largest_variance = 0;
  for (const double value : moments.mean) largest_mean = std::max(largest_mean, std::abs(value));
  for (const double value : moments.variance) largest_variance = std::max(largest_variance, value);
  const double ratio = largest_variance > 0 ? largest_mean / std::sqrt(largest_variance) : 0;
  expect_close(variance.values(), moments.variance,
               std::max(kConvolutionTolerance, least_tolerance) * std::max(1.0, ratio), where + "variance");

  for (const bool pool : {false, true}) {
    if (pool && (shape.height % 2 != 0 || shape.width % 2 != 0)) continue;
    for (const bool relu : {false, true}) {
      Activations result(backend, gradient.size() / (pool ? 4 : 1));
      const InferenceEpilogue epilogue{device_scale, device_shift, relu, pool};
      convolution->infer(shape.batch, device_input, epilogue, result);
      expect_close(result.values(),
                   reference::epilogue(shape.batch, shape.height, shape.width, shape.output_channels, expected,
                                       to_double(scale), to_double(shift), relu, pool),
                   kConvolutionTolerance, where + "infer");
    }
  }
  Activations plain(backend, gradient.size());
  convolution->infer(shape.batch, device_input, {nullptr, nullptr, false, false}, plain);
  expect_close(plain.values(), expected, kConvolutionTolerance, where + "infer without epilogue");

  convolution->backward_data(shape.batch, device_gradient, input_gradient);
  expect_close(input_gradient.values(),
               reference::convolution_input_gradient(shape, to_double(weights), to_double(gradient)),
               kConvolutionTolerance, where + "input gradient");
  convolution->backward_weights(shape.batch, device_input, device_gradient, weight_gradient);
  expect_close(weight_gradient.values(),
               reference::convolution_weight_gradient(shape, to_double(input), to_double(gradient)),
               kConvolutionTolerance, where + "weight gradient");
}

}  // namespace deepyeast::test
