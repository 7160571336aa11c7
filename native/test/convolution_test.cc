// Convolutions of every instruction set against the reference: the one that the backend picks for a shape, and the direct
// one by itself.
#include <cmath>

#include "../cpu/direct_convolution.h"
#include "backends.h"
#include "reference.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

constexpr double tolerance = 1e-5;

std::string describe(const ConvolutionShape& s) {
  return std::to_string(s.batch) + "x" + std::to_string(s.height) + "x" + std::to_string(s.width) + "x" +
         std::to_string(s.input_channels) + " to " + std::to_string(s.output_channels);
}

// Batch 1; 1, 2, 3 and 24 channels; odd and prime numbers of them; the smallest image; sizes that no tile divides; a
// batch of more images than chunks.
const ConvolutionShape shapes[] = {
    {1, 2, 2, 1, 1},    {1, 18, 18, 1, 24},  {2, 6, 6, 3, 5},     {3, 2, 2, 2, 64},    {1, 48, 48, 2, 64},
    {2, 18, 18, 24, 3}, {5, 6, 6, 17, 33},   {1, 16, 16, 64, 64}, {2, 12, 12, 32, 48}, {27, 4, 4, 8, 16},
    {2, 6, 10, 5, 7},   {16, 18, 18, 24, 24}, {2, 4, 4, 100, 13},
};

using Factory = std::function<std::unique_ptr<Convolution>(const ConvolutionShape&, bool training)>;

void check_shape_of(Backend& backend, const Factory& factory, const ConvolutionShape& shape, const std::string& name) {
  const std::string where = name + ", " + describe(shape) + ": ";
  Values random(shape.height * 1000 + shape.input_channels);
  const std::size_t pixels = static_cast<std::size_t>(shape.batch) * shape.height * shape.width;
  const std::vector<float> input = random.after_relu(pixels * shape.input_channels);
  const std::vector<float> weights = random.normal(std::size_t{9} * shape.input_channels * shape.output_channels, 0,
                                                   1 / std::sqrt(9.0 * shape.input_channels));
  const std::vector<float> gradient = random.normal(pixels * shape.output_channels);
  const std::vector<float> scale = random.uniform(shape.output_channels, -1, 2);
  const std::vector<float> shift = random.uniform(shape.output_channels);

  const std::unique_ptr<Convolution> convolution = factory(shape, true);
  Device device_input(backend, input), device_weights(backend, weights), device_gradient(backend, gradient);
  Device output(backend, gradient.size()), input_gradient(backend, input.size()),
      weight_gradient(backend, weights.size());
  Device mean(backend, scale.size()), variance(backend, scale.size());
  Device device_scale(backend, scale), device_shift(backend, shift);
  convolution->set_weights(device_weights);

  const reference::Array expected = reference::convolution(shape, to_double(input), to_double(weights));
  BatchStatistics statistics{mean, variance};
  convolution->forward(shape.batch, device_input, output, &statistics);
  expect_close(output.values(), expected, tolerance, where + "forward");
  const reference::Statistics moments = reference::statistics(expected, shape.output_channels);
  expect_close(mean.values(), moments.mean, tolerance, where + "mean");
  // The variance inherits the outputs' rounding, of the size of their mean.
  double largest_mean = 0, largest_variance = 0;
  for (const double value : moments.mean) largest_mean = std::max(largest_mean, std::abs(value));
  for (const double value : moments.variance) largest_variance = std::max(largest_variance, value);
  const double ratio = largest_variance > 0 ? largest_mean / std::sqrt(largest_variance) : 0;
  expect_close(variance.values(), moments.variance, tolerance * std::max(1.0, ratio), where + "variance");

  for (const bool pool : {false, true}) {
    for (const bool relu : {false, true}) {
      Device result(backend, gradient.size() / (pool ? 4 : 1));
      const InferenceEpilogue epilogue{device_scale, device_shift, relu, pool};
      convolution->infer(shape.batch, device_input, epilogue, result);
      expect_close(result.values(),
                   reference::epilogue(shape.batch, shape.height, shape.width, shape.output_channels, expected,
                                       to_double(scale), to_double(shift), relu, pool),
                   tolerance, where + "infer");
    }
  }
  Device plain(backend, gradient.size());
  convolution->infer(shape.batch, device_input, {nullptr, nullptr, false, false}, plain);
  expect_close(plain.values(), expected, tolerance, where + "infer without epilogue");

  convolution->backward_data(shape.batch, device_gradient, input_gradient);
  expect_close(input_gradient.values(),
               reference::convolution_input_gradient(shape, to_double(weights), to_double(gradient)), tolerance,
               where + "input gradient");
  convolution->backward_weights(shape.batch, device_input, device_gradient, weight_gradient);
  expect_close(weight_gradient.values(),
               reference::convolution_weight_gradient(shape, to_double(input), to_double(gradient)), tolerance,
               where + "weight gradient");
}

TEST(convolution_matches_the_reference) {
  for_each_backend([](Backend& backend, const std::string& name) {
    for (const ConvolutionShape& shape : shapes)
      check_shape_of(
          backend, [&](const ConvolutionShape& s, bool training) { return backend.convolution(s, training); }, shape,
          name);
  });
}

TEST(direct_convolution_matches_the_reference) {
  for (const InstructionSet set : available_instruction_sets()) {
    const std::unique_ptr<Backend> backend = make_backend(set, 2);
    CpuContext context(set, 2);
    for (const ConvolutionShape& shape : shapes)
      check_shape_of(
          *backend,
          [&](const ConvolutionShape& s, bool training) { return make_direct_convolution(s, training, context); },
          shape, name_of(set));
  }
}

TEST(convolution_of_a_smaller_batch_than_planned) {
  for_each_backend([](Backend& backend, const std::string& name) {
    const ConvolutionShape planned{40, 6, 6, 5, 20};
    for (const int batch : {1, 3, 25, 39}) {
      ConvolutionShape shape = planned;
      shape.batch = batch;
      check_shape_of(
          backend, [&](const ConvolutionShape&, bool training) { return backend.convolution(planned, training); }, shape,
          name + ", planned for 40");
    }
  });
}

TEST(convolution_prepared_for_inference_only) {
  for_each_backend([](Backend& backend, const std::string& name) {
    const ConvolutionShape shape{3, 8, 8, 6, 20};
    Values random(5);
    const std::vector<float> input = random.after_relu(3 * 64 * 6), weights = random.normal(9 * 6 * 20);
    Device device_input(backend, input), device_weights(backend, weights), output(backend, 3 * 64 * 20);
    const std::unique_ptr<Convolution> convolution = backend.convolution(shape, false);
    convolution->set_weights(device_weights);
    convolution->forward(3, device_input, output, nullptr);
    expect_close(output.values(), reference::convolution(shape, to_double(input), to_double(weights)), tolerance, name);
  });
}

TEST(convolution_passes_on_what_is_not_a_number) {
  for_each_backend([](Backend& backend, const std::string& name) {
    Values random(6);
    std::vector<float> input = random.normal(64 * 3);
    input[100] = std::nanf("");
    Device device_input(backend, input), weights(backend, random.normal(9 * 3 * 16)), output(backend, 16 * 16);
    const std::unique_ptr<Convolution> convolution = backend.convolution({1, 8, 8, 3, 16}, false);
    convolution->set_weights(weights);
    convolution->infer(1, device_input, {nullptr, nullptr, true, true}, output);
    bool found = false;
    for (const float value : output.values()) found = found || std::isnan(value);
    expect(found, name + ": ReLU or pool swallowed it");
  });
}

}  // namespace
