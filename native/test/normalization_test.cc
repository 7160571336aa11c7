// Batch normalization with ReLU, pool and dropout, and the gradients, of every instruction set against the reference.
#include <cmath>

#include "backends.h"
#include "reference.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

constexpr double kTolerance = 1e-5;

struct Result {
  std::vector<float> output, input_gradient, gamma_gradient, beta_gradient;
};

Result run(Backend& backend, const NormalizationShape& shape, const std::vector<float>& input,
           const std::vector<float>& gamma, const std::vector<float>& beta, const std::vector<float>& output_gradient,
           const RandomStream* dropout) {
  const reference::Statistics moments = reference::statistics(to_double(input), shape.channels);
  Device mean(backend, std::vector<float>(moments.mean.begin(), moments.mean.end()));
  Device variance(backend, std::vector<float>(moments.variance.begin(), moments.variance.end()));
  Device device_gamma(backend, gamma), device_beta(backend, beta);
  Activations device_input(backend, input);
  Activations gradient(backend, output_gradient), output(backend, output_gradient.size());
  Device gamma_gradient(backend, gamma.size()), beta_gradient(backend, beta.size());
  Activations input_gradient(backend, input.size());
  const NormalizationArguments arguments{device_input, {mean, variance}, device_gamma, device_beta, dropout};
  backend.normalization_forward(shape, arguments, output);
  backend.normalization_backward(shape, arguments, gradient, input_gradient, gamma_gradient, beta_gradient);
  return {output.values(), input_gradient.values(), gamma_gradient.values(), beta_gradient.values()};
}

void check(Backend& backend, const NormalizationShape& s, double mean_over_deviation, const std::string& name) {
  const std::string where = name + ", " + std::to_string(s.batch) + "x" + std::to_string(s.height) + "x" +
                            std::to_string(s.width) + "x" + std::to_string(s.channels) + (s.pool ? ", pool" : "") +
                            (s.dropout > 0 ? ", dropout" : "") + ": ";
  Values random(s.height * 100 + s.channels);
  const std::size_t count = static_cast<std::size_t>(s.batch) * s.height * s.width * s.channels;
  const std::vector<float> input = representable(backend, random.normal(count, mean_over_deviation * 2, 2));
  const std::vector<float> gamma = random.uniform(s.channels, -2, 2), beta = random.normal(s.channels);
  const std::vector<float> output_gradient = representable(backend, random.normal(count / (s.pool ? 4 : 1)));
  const RandomStream stream(11, Purpose::dropout, 4, 2);
  reference::Array kept;
  if (s.dropout > 0) {
    for (std::size_t i = 0; i < count; ++i)
      kept.push_back(stream.word(i) / 4294967296.0 < s.dropout ? 0 : 1 / (1 - static_cast<double>(s.dropout)));
  }
  const reference::Normalization expected = reference::normalization(
      s, to_double(input), to_double(gamma), to_double(beta), kept, to_double(output_gradient));
  const Result result = run(backend, s, input, gamma, beta, output_gradient, s.dropout > 0 ? &stream : nullptr);
  expect_close(result.output, expected.output, kTolerance, where + "output");
  expect_close(result.input_gradient, expected.input_gradient, kTolerance, where + "input gradient");
  expect_close(result.gamma_gradient, expected.gamma_gradient, kTolerance, where + "gamma gradient");
  expect_close(result.beta_gradient, expected.beta_gradient, kTolerance, where + "beta gradient");
}

TEST(normalization_matches_the_reference) {
  for_each_backend([](Backend& backend, const std::string& name) {
    const NormalizationShape shapes[] = {
        {1, 2, 2, 1, false, 1e-5f, 0},    {1, 2, 2, 3, true, 1e-5f, 0},    {2, 6, 6, 24, false, 1e-5f, 0},
        {2, 6, 6, 24, true, 1e-5f, 0},    {3, 18, 18, 17, false, 1e-3f, 0}, {3, 18, 18, 17, true, 1e-3f, 0},
        {1, 48, 48, 64, true, 1e-5f, 0},  {5, 4, 10, 33, true, 1e-5f, 0},  {64, 1, 1, 100, false, 1e-5f, 0},
        {100, 1, 1, 512, false, 1e-5f, 0.5f}, {7, 1, 1, 13, false, 1e-5f, 0.25f}, {2, 1, 1, 1, false, 1e-5f, 0.9f},
    };
    for (const NormalizationShape& shape : shapes)
      for (const double mean_over_deviation : {0.0, 3.0}) check(backend, shape, mean_over_deviation, name);
  });
}

// Among equal values the first takes the gradient; where ReLU cuts all of them none does.
TEST(pool_takes_the_first_maximum) {
  for_each_backend([](Backend& backend, const std::string& name) {
    const NormalizationShape shape{1, 2, 4, 1, true, 0, 0};
    // Statistics are given, so the normalized values are the inputs themselves.
    Activations input(backend, std::vector<float>{1, 2, -1, -1, 2, 2, -1, -1});
    Device mean(backend, std::vector<float>{0}), variance(backend, std::vector<float>{1});
    Device gamma(backend, std::vector<float>{1}), beta(backend, std::vector<float>{0});
    Activations gradient(backend, std::vector<float>{1, 1}), output(backend, 2), input_gradient(backend, 8);
    Device gamma_gradient(backend, 1), beta_gradient(backend, 1);
    const NormalizationArguments arguments{input, {mean, variance}, gamma, beta, nullptr};
    backend.normalization_forward(shape, arguments, output);
    expect_same(output.values(), {2, 0}, name + ": output");
    backend.normalization_backward(shape, arguments, gradient, input_gradient, gamma_gradient, beta_gradient);
    // Only the second value of the first window passes a gradient: sum 1, product with its normalized value 2.
    expect_same(beta_gradient.values(), {1}, name + ": beta gradient");
    expect_same(gamma_gradient.values(), {2}, name + ": gamma gradient");
    const std::vector<float> x = input.values();
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float expected = (i == 1 ? 1.0f : 0.0f) - 1.0f / 8 - x[i] * 2.0f / 8;
      expect(std::abs(input_gradient.values()[i] - expected) < (backend.activation_bytes() == 2 ? 1e-2f : 1e-6f), name + ": input gradient " + std::to_string(i));
    }
  });
}

TEST(normalization_passes_on_what_is_not_a_number) {
  for_each_backend([](Backend& backend, const std::string& name) {
    for (const bool pool : {false, true}) {
      const NormalizationShape shape{1, 4, 4, 20, pool, 1e-5f, 0};
      Values random(8);
      std::vector<float> values = random.normal(16 * 20);
      values[27] = std::nanf("");
      Activations input(backend, values), output(backend, values.size() / (pool ? 4 : 1));
      Device mean(backend, std::vector<float>(20, 0)), variance(backend, std::vector<float>(20, 1));
      const NormalizationArguments arguments{input, {mean, variance}, variance, mean, nullptr};
      backend.normalization_forward(shape, arguments, output);
      int found = 0;
      for (const float value : output.values()) found += std::isnan(value);
      expect(found == 1, name + ": " + std::to_string(found) + " values are not a number, expected 1");
    }
  });
}

TEST(running_statistics_are_blended_with_the_unbiased_variance) {
  for_each_backend([](Backend& backend, const std::string& name) {
    Device mean(backend, std::vector<float>{2, -4}), variance(backend, std::vector<float>{3, 0});
    Device running_mean(backend, std::vector<float>{0, 1}), running_variance(backend, std::vector<float>{1, 1});
    backend.update_running_statistics(2, 4, 0.1f, {mean, variance}, running_mean, running_variance);
    expect_close(running_mean.values(), {0.2, 0.5}, 1e-6, name + ": mean");
    expect_close(running_variance.values(), {0.9 + 0.1 * 4, 0.9}, 1e-6, name + ": variance");
  });
}

}  // namespace
