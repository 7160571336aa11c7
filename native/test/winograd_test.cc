// Winograd's convolution by itself, also for shapes that the backend would give to the direct one.
#include "../cpu/winograd.h"

#include <cmath>

#include "backends.h"
#include "convolution_check.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

ConvolutionFactory factory_for(CpuContext& context) {
  return [&](const ConvolutionShape& shape, bool training) {
    return make_winograd_convolution(shape, training, context);
  };
}

void check_all(const std::vector<ConvolutionShape>& shapes) {
  for (const InstructionSet set : available_instruction_sets()) {
    const std::unique_ptr<Backend> backend = make_backend(set, 2);
    CpuContext context(set, 2);
    for (const ConvolutionShape& shape : shapes) check_convolution(*backend, factory_for(context), shape, name_of(set));
  }
}

TEST(winograd_matches_the_reference) {
  // Tiles that hang over to the right, below, or both; odd sizes; one tile; channels that fill neither a vector nor a
  // panel nor a group of 64.
  check_all({{1, 1, 1, 1, 1},
             {1, 5, 7, 3, 24},
             {2, 9, 18, 24, 40},
             {2, 6, 6, 100, 130},
             {5, 12, 11, 16, 17},
             {3, 4, 4, 8, 65},
             {1, 18, 18, 64, 15},
             {7, 20, 24, 33, 20}});
}

TEST(winograd_is_exact_on_the_shapes_of_the_paper) {
  check_all({{1, 64, 64, 64, 64}, {1, 32, 32, 64, 128}, {2, 16, 16, 256, 256}});
}

// All results of a convolution from the same values.
struct Results {
  std::vector<float> output, mean, variance, inferred, input_gradient, weight_gradient;
};

Results results_of(InstructionSet set, int threads, const ConvolutionShape& planned, int batch, int first_image) {
  Values random(11);
  const std::size_t pixels = static_cast<std::size_t>(planned.height) * planned.width;
  const std::size_t inputs = pixels * planned.input_channels, outputs = pixels * planned.output_channels;
  const std::vector<float> weights = random.normal(std::size_t{9} * planned.input_channels * planned.output_channels);
  const std::vector<float> input = random.after_relu(planned.batch * inputs);
  const std::vector<float> gradient = random.normal(planned.batch * outputs);
  const std::vector<float> scale = random.uniform(planned.output_channels);
  CpuContext context(set, threads);
  const std::unique_ptr<Convolution> convolution = make_winograd_convolution(planned, true, context);
  convolution->set_weights(weights.data());
  Results r;
  r.output.resize(batch * outputs);
  r.inferred.resize(batch * outputs / 4);
  r.input_gradient.resize(batch * inputs);
  r.weight_gradient.resize(weights.size());
  r.mean.resize(planned.output_channels);
  r.variance.resize(planned.output_channels);
  BatchStatistics statistics{r.mean.data(), r.variance.data()};
  convolution->forward(batch, input.data() + first_image * inputs, r.output.data(), &statistics);
  convolution->infer(batch, input.data() + first_image * inputs, {scale.data(), nullptr, true, true},
                     r.inferred.data());
  convolution->backward_data(batch, gradient.data() + first_image * outputs, r.input_gradient.data());
  convolution->backward_weights(batch, input.data() + first_image * inputs, gradient.data() + first_image * outputs,
                                r.weight_gradient.data());
  return r;
}

// Several ranges of tiles and groups of outputs, none of which divides evenly among 2, 3 or 5 threads.
const ConvolutionShape uneven[] = {{5, 34, 38, 64, 72}, {3, 18, 10, 24, 200}, {7, 16, 16, 16, 96}};

TEST(winograd_does_not_depend_on_the_number_of_threads) {
  for (const InstructionSet set : available_instruction_sets()) {
    for (const ConvolutionShape& shape : uneven) {
      const Results one = results_of(set, 1, shape, shape.batch, 0);
      for (const int threads : {2, 3, 5}) {
        const Results many = results_of(set, threads, shape, shape.batch, 0);
        const std::string where = std::string(name_of(set)) + ", " + std::to_string(threads) + " threads: ";
        expect_same(many.output, one.output, where + "forward");
        expect_same(many.mean, one.mean, where + "mean");
        expect_same(many.variance, one.variance, where + "variance");
        expect_same(many.inferred, one.inferred, where + "infer");
        expect_same(many.input_gradient, one.input_gradient, where + "input gradient");
        expect_same(many.weight_gradient, one.weight_gradient, where + "weight gradient");
      }
    }
  }
}

TEST(winograd_gives_an_image_the_same_values_in_any_batch) {
  for (const InstructionSet set : available_instruction_sets()) {
    for (const ConvolutionShape& shape : uneven) {
      const Results all = results_of(set, 2, shape, shape.batch, 0);
      for (int image = 0; image < shape.batch; ++image) {
        const Results one = results_of(set, 2, shape, 1, image);
        const auto part = [&](const std::vector<float>& values) {
          const std::size_t count = values.size() / shape.batch;
          return std::vector<float>(values.begin() + image * count, values.begin() + (image + 1) * count);
        };
        expect_same(one.output, part(all.output), "forward");
        expect_same(one.inferred, part(all.inferred), "infer");
        expect_same(one.input_gradient, part(all.input_gradient), "input gradient");
      }
    }
  }
}

// Weights are not kept transformed before they are used a second time.
TEST(winograd_infers_the_first_image_as_all_later_ones) {
  for (const InstructionSet set : available_instruction_sets()) {
    const std::unique_ptr<Backend> backend = make_backend(set, 1);
    // One range of tiles an image, so that each thread transforms the weights it needs; the last shape has several.
    for (const ConvolutionShape& shape : {ConvolutionShape{3, 16, 16, 160, 200}, {2, 9, 7, 40, 72}, {5, 4, 4, 16, 16},
                                          {2, 34, 30, 24, 200}}) {
      const std::size_t image = std::size_t{1} * shape.height * shape.width;
      Values random(3);
      Device input(*backend, random.after_relu(shape.batch * image * shape.input_channels));
      const std::size_t count = std::size_t{9} * shape.input_channels * shape.output_channels;
      Device before(*backend, random.normal(count)), weights(*backend, random.normal(count));
      const InferenceEpilogue epilogue{nullptr, nullptr, true, false};
      for (const int threads : {1, 2, 3, 5}) {
        CpuContext context(set, threads);
        const std::unique_ptr<Convolution> convolution = make_winograd_convolution(shape, false, context);
        const auto infer = [&](int batch) {
          Device output(*backend, batch * image * shape.output_channels);
          convolution->infer(batch, input, epilogue, output);
          std::vector<float> values = output.values();
          values.resize(image * shape.output_channels);  // the first image's
          return values;
        };
        const std::string where = std::string(name_of(set)) + ", " + std::to_string(threads) + " threads: ";
        convolution->set_weights(before);
        const std::vector<float> other = infer(1);
        convolution->set_weights(weights);
        const std::vector<float> first = infer(1);
        expect(first != other, where + "weights set again");
        expect_same(infer(1), first, where + "the second image");
        expect_same(infer(shape.batch), first, where + "a batch");
        convolution->set_weights(before);
        expect_same(infer(1), other, where + "the weights of before");
      }
    }
  }
}

TEST(winograd_statistics_of_channels_with_a_large_mean) {
  // Outputs near 3000 with a deviation near 1, except at the border: float32 sums of squares would lose the deviation.
  const ConvolutionShape shape{8, 32, 32, 16, 16};
  for (const InstructionSet set : available_instruction_sets()) {
    Values random(12);
    std::vector<float> input = random.normal(std::size_t{8} * 32 * 32 * 16, 1000, 1);
    // Only the middle tap of one input channel, so that there is no border.
    std::vector<float> weights(16 * 9 * 16);
    for (int output = 0; output < 16; ++output) weights[(output * 9 + 4) * 16 + output] = 3;
    CpuContext context(set, 2);
    const std::unique_ptr<Convolution> convolution = make_winograd_convolution(shape, true, context);
    convolution->set_weights(weights.data());
    std::vector<float> output(input.size()), mean(16), variance(16);
    BatchStatistics statistics{mean.data(), variance.data()};
    convolution->forward(shape.batch, input.data(), output.data(), &statistics);
    for (int channel = 0; channel < 16; ++channel) {
      double sum = 0, squares = 0;
      const std::size_t pixels = output.size() / 16;
      for (std::size_t i = 0; i < pixels; ++i) sum += output[i * 16 + channel];
      for (std::size_t i = 0; i < pixels; ++i) squares += std::pow(output[i * 16 + channel] - sum / pixels, 2);
      expect_close({mean[channel]}, {sum / pixels}, 1e-6, std::string(name_of(set)) + ", mean");
      expect_close({variance[channel]}, {squares / pixels}, 1e-5, std::string(name_of(set)) + ", variance");
    }
  }
}

TEST(winograd_passes_on_what_is_not_a_number) {
  for (const InstructionSet set : available_instruction_sets()) {
    // Every position within a tile once, and so every corner of a pool.
    for (int position = 0; position < 16; ++position) {
      Values random(13);
      std::vector<float> input = random.normal(8 * 8 * 16);
      input[(position / 4 * 8 + position % 4) * 16] = std::nanf("");
      CpuContext context(set, 1);
      const std::unique_ptr<Convolution> convolution = make_winograd_convolution({1, 8, 8, 16, 16}, false, context);
      const std::vector<float> weights = random.normal(16 * 9 * 16);
      convolution->set_weights(weights.data());
      std::vector<float> output(4 * 4 * 16);
      convolution->infer(1, input.data(), {nullptr, nullptr, true, true}, output.data());
      expect(std::isnan(output[(position / 8 * 4 + position % 4 / 2) * 16]),
             std::string(name_of(set)) + ": lost at pixel " + std::to_string(position));
    }
  }
}

TEST(winograd_is_chosen_where_it_suits) {
  for (const ConvolutionShape& shape : {ConvolutionShape{100, 64, 64, 64, 64}, ConvolutionShape{1, 16, 16, 256, 256},
                                        ConvolutionShape{1, 18, 18, 24, 24}, ConvolutionShape{1, 12, 12, 96, 96}})
    expect(winograd_suits(shape), "an ordinary layer was left to the direct convolution");
  expect(!winograd_suits({100, 64, 64, 2, 64}), "two channels went to Winograd's");
  expect(!winograd_suits({100, 2, 2, 256, 256}), "a quarter of a tile went to Winograd's");
}

}  // namespace
