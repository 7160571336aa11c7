// Dense layers of every instruction set against the reference.
#include <cmath>
#include <iterator>

#include "backends.h"
#include "reference.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

constexpr double kTolerance = 1e-5;

// A single weight; odd and prime numbers of inputs, outputs and cells; classes of the paper; more than one run of inputs,
// block of inputs and block of outputs.
const DenseShape shapes[] = {{1, 1, 1},    {1, 7, 2},     {3, 17, 11},   {5, 512, 12},  {4, 513, 33},
                             {100, 64, 1}, {13, 1031, 37}, {8, 600, 100}, {1, 2000, 512}, {33, 130, 65}};

std::string describe(const DenseShape& s) {
  return std::to_string(s.batch) + " cells, " + std::to_string(s.inputs) + " to " + std::to_string(s.outputs);
}

// The listed shapes and random ones.
std::vector<DenseShape> all_shapes() {
  std::vector<DenseShape> all(std::begin(shapes), std::end(shapes));
  const RandomStream draws(21, Purpose::simulation, 0, 0);
  const auto draw = [&](int element, int most) {
    return 1 + static_cast<int>(draws.word(element) % static_cast<std::uint32_t>(most));
  };
  for (int i = 0; i < 20; ++i) all.push_back({draw(3 * i, 40), draw(3 * i + 1, 900), draw(3 * i + 2, 80)});
  return all;
}

TEST(dense_matches_the_reference) {
  for_each_backend([](Backend& backend, const std::string& name) {
    for (const DenseShape& s : all_shapes()) {
      const std::string where = name + ", " + describe(s) + ": ";
      Values random(s.inputs * 100 + s.outputs);
      const std::size_t batch = s.batch, inputs = s.inputs, outputs = s.outputs;
      const std::vector<float> input = representable(backend, random.after_relu(batch * inputs));
      const std::vector<float> weights = random.normal(inputs * outputs, 0, 1 / std::sqrt(s.inputs));
      const std::vector<float> bias = random.normal(outputs), scale = random.uniform(outputs, -1, 2);
      const std::vector<float> gradient = representable(backend, random.normal(batch * outputs));
      Device device_weights(backend, weights), device_bias(backend, bias);
      Activations device_input(backend, input);
      Device device_scale(backend, scale);
      Activations device_gradient(backend, gradient);
      Device mean(backend, outputs), variance(backend, outputs);
      Activations output(backend, batch * outputs);
      const std::unique_ptr<Dense> dense = backend.dense(s, true);
      dense->set_weights(device_weights);

      const reference::Array biases = to_double(bias);
      dense->forward(s.batch, device_input, device_bias, output, nullptr);
      expect_close(output.values(), reference::dense(s, to_double(input), to_double(weights), &biases), kTolerance,
                   where + "forward with bias");

      const reference::Array linear = reference::dense(s, to_double(input), to_double(weights), nullptr);
      BatchStatistics statistics{mean, variance};
      dense->forward(s.batch, device_input, nullptr, output, &statistics);
      expect_close(output.values(), linear, kTolerance, where + "forward");
      const reference::Statistics moments = reference::statistics(linear, s.outputs);
      expect_close(mean.values(), moments.mean, kTolerance, where + "mean");
      // The variance of a single cell is exactly zero.
      expect_close(variance.values(), moments.variance, s.batch == 1 ? 0 : 3 * kTolerance, where + "variance");

      for (const bool relu : {false, true}) {
        dense->infer(s.batch, device_input, {device_scale, device_bias, relu, false}, output);
        expect_close(output.values(),
                     reference::epilogue(s.batch, 1, 1, s.outputs, linear, to_double(scale), biases, relu, false),
                     kTolerance, where + "infer");
      }

      Device weight_gradient(backend, weights.size());
      Activations input_gradient(backend, input.size());
      Device bias_gradient(backend, outputs);
      dense->backward_data(s.batch, device_gradient, input_gradient);
      expect_close(input_gradient.values(),
                   reference::dense_input_gradient(s, to_double(weights), to_double(gradient)), kTolerance,
                   where + "input gradient");
      dense->backward_weights(s.batch, device_input, device_gradient, weight_gradient, bias_gradient);
      expect_close(weight_gradient.values(),
                   reference::dense_weight_gradient(s, to_double(input), to_double(gradient)), kTolerance,
                   where + "weight gradient");
      reference::Array sums(outputs);
      for (std::size_t i = 0; i < gradient.size(); ++i) sums[i % outputs] += gradient[i];
      expect_close(bias_gradient.values(), sums, kTolerance, where + "bias gradient");
    }
  });
}

TEST(dense_gives_a_cell_the_same_values_in_any_batch) {
  for_each_backend([](Backend& backend, const std::string& name) {
    const DenseShape shape{100, 700, 45};
    Values random(3);
    const std::vector<float> input = random.after_relu(100 * 700);
    Device weights(backend, random.normal(700 * 45));
    Activations all_cells(backend, input), together(backend, 100 * 45);
    const std::unique_ptr<Dense> dense = backend.dense(shape, false);
    dense->set_weights(weights);
    dense->forward(100, all_cells, nullptr, together, nullptr);
    const std::vector<float> expected = together.values();
    for (const int cell : {0, 1, 42, 98, 99}) {
      Activations one(backend, std::vector<float>(input.begin() + cell * 700, input.begin() + (cell + 1) * 700));
      Activations alone(backend, 45);
      dense->forward(1, one, nullptr, alone, nullptr);
      expect_same(alone.values(),
                  std::vector<float>(expected.begin() + cell * 45, expected.begin() + (cell + 1) * 45), name);
    }
  });
}

}  // namespace
