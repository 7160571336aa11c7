// Convolutions of every instruction set against the reference: the one that the backend picks for a shape, and the direct
// one by itself.
#include <algorithm>
#include <cmath>
#include <string>

#include "../cpu/direct_convolution.h"
#include "../engine/topology.h"
#include "backends.h"
#include "convolution_check.h"
#include "reference.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

// Batch 1; 1, 2, 3 and 24 channels; odd and prime numbers of them; the smallest image; sizes that no tile divides; a
// batch of more images than chunks.
const ConvolutionShape shapes[] = {
    {1, 2, 2, 1, 1},    {1, 18, 18, 1, 24},  {2, 6, 6, 3, 5},     {3, 2, 2, 2, 64},    {1, 48, 48, 2, 64},
    {2, 18, 18, 24, 3}, {5, 6, 6, 17, 33},   {1, 16, 16, 64, 64}, {2, 12, 12, 32, 48}, {27, 4, 4, 8, 16},
    {2, 6, 10, 5, 7},   {16, 18, 18, 24, 24}, {2, 4, 4, 100, 13},
};

TEST(convolution_matches_the_reference) {
  for_each_backend([](Backend& backend, const std::string& name) {
    for (const ConvolutionShape& shape : shapes)
      check_convolution(
          backend, [&](const ConvolutionShape& s, bool training) { return backend.convolution(s, training); }, shape,
          name);
  });
}

TEST(convolutions_of_the_paper_and_of_other_image_sizes_match_the_reference) {
  const InstructionSet set = available_instruction_sets().front();
  const std::unique_ptr<Backend> backend = make_backend(set, 2);
  std::vector<ConvolutionShape> ours = {{1, 48, 48, 24, 64}, {1, 72, 72, 64, 24}, {2, 9, 9, 128, 64}, {1, 18, 18, 3, 64}};
  for (const Layer& layer : layers_of(Topology()))
    if (layer.kind == LayerKind::convolution)
      ours.push_back({1, layer.height, layer.width, layer.input_channels, layer.output_channels});
  std::vector<std::string> seen;  // equal layers are checked once
  for (const ConvolutionShape& shape : ours) {
    const std::string key = std::to_string(shape.height) + " " + std::to_string(shape.input_channels) + " " +
                            std::to_string(shape.output_channels);
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
    seen.push_back(key);
    check_convolution(
        *backend, [&](const ConvolutionShape& s, bool training) { return backend->convolution(s, training); }, shape,
        name_of(set));
  }
}

TEST(direct_convolution_matches_the_reference) {
  for (const InstructionSet set : available_instruction_sets()) {
    const std::unique_ptr<Backend> backend = make_backend(set, 2);
    CpuContext context(set, 2);
    for (const ConvolutionShape& shape : shapes)
      check_convolution(
          *backend,
          [&](const ConvolutionShape& s, bool training) { return make_direct_convolution(s, training, context); },
          shape, name_of(set));
  }
}

TEST(convolution_of_random_shapes) {
  const RandomStream draws(20, Purpose::simulation, 0, 0);
  for (int i = 0; i < 20; ++i) {
    const auto draw = [&](int field, int least, int most) {
      return least + static_cast<int>(draws.word(5 * i + field) % static_cast<std::uint32_t>(most - least + 1));
    };
    // Even sizes: the check includes the pool.
    const ConvolutionShape shape{draw(0, 1, 5), 2 * draw(1, 1, 9), 2 * draw(2, 1, 9), draw(3, 1, 40), draw(4, 1, 70)};
    for (const InstructionSet set : available_instruction_sets()) {
      const std::unique_ptr<Backend> backend = make_backend(set, 2);
      CpuContext context(set, 2);
      check_convolution(
          *backend, [&](const ConvolutionShape& s, bool training) { return backend->convolution(s, training); }, shape,
          name_of(set));
      check_convolution(
          *backend,
          [&](const ConvolutionShape& s, bool training) { return make_direct_convolution(s, training, context); },
          shape, std::string(name_of(set)) + ", direct");
    }
  }
}

TEST(convolution_of_a_smaller_batch_than_planned) {
  for_each_backend([](Backend& backend, const std::string& name) {
    const ConvolutionShape planned{40, 6, 6, 5, 20};
    for (const int batch : {1, 3, 25, 39}) {
      ConvolutionShape shape = planned;
      shape.batch = batch;
      check_convolution(
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
    Device device_weights(backend, weights);
    Activations device_input(backend, input), output(backend, 3 * 64 * 20);
    const std::unique_ptr<Convolution> convolution = backend.convolution(shape, false);
    convolution->set_weights(device_weights);
    convolution->forward(3, device_input, output, nullptr);
    expect_close(output.values(), reference::convolution(shape, to_double(input), to_double(weights)), kConvolutionTolerance, name);
  });
}

TEST(direct_convolution_takes_a_scale_or_a_shift_alone) {
  const ConvolutionShape shape{2, 6, 10, 5, 45};
  Values random(7);
  const std::vector<float> input = random.normal(2 * 60 * 5), weights = random.normal(9 * 5 * 45);
  const std::vector<float> scale = random.uniform(45, -1, 2), shift = random.normal(45), ones(45, 1.0f), zeros(45, 0.0f);
  for (const InstructionSet set : available_instruction_sets()) {
    CpuContext context(set, 2);
    const std::unique_ptr<Convolution> convolution = make_direct_convolution(shape, false, context);
    convolution->set_weights(weights.data());
    for (const bool pool : {false, true}) {
      const auto infer = [&](const float* scale, const float* shift) {
        std::vector<float> output(2 * 60 * 45 / (pool ? 4 : 1));
        convolution->infer(2, input.data(), {scale, shift, true, pool}, output.data());
        return output;
      };
      const std::string where = std::string(name_of(set)) + (pool ? ", pooled: " : ": ");
      expect_same(infer(scale.data(), nullptr), infer(scale.data(), zeros.data()), where + "scale");
      expect_same(infer(nullptr, shift.data()), infer(ones.data(), shift.data()), where + "shift");
    }
  }
}

TEST(convolution_passes_on_what_is_not_a_number) {
  for_each_backend([](Backend& backend, const std::string& name) {
    Values random(6);
    std::vector<float> input = random.normal(64 * 3);
    input[100] = std::nanf("");
    Device weights(backend, random.normal(9 * 3 * 16));
    Activations device_input(backend, input), output(backend, 16 * 16);
    const std::unique_ptr<Convolution> convolution = backend.convolution({1, 8, 8, 3, 16}, false);
    convolution->set_weights(weights);
    convolution->infer(1, device_input, {nullptr, nullptr, true, true}, output);
    bool found = false;
    for (const float value : output.values()) found = found || std::isnan(value);
    expect(found, name + ": ReLU or pool swallowed it");
  });
}

}  // namespace
