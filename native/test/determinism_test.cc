// Every operation gives the same bits for any number of threads.
#include "../engine/network.h"
#include "backends.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

using Results = std::vector<std::vector<float>>;

// Runs function for 1, 2, 3 and 5 threads and compares what it returns.
void check_threads(const std::function<Results(InstructionSet, int)>& function) {
  for (const InstructionSet set : available_instruction_sets()) {
    Results first;
    for (const int threads : {1, 2, 3, 5}) {
      const Results results = function(set, threads);
      if (threads == 1) first = results;
      for (std::size_t i = 0; i < results.size(); ++i)
        expect_same(results[i], first[i],
                    std::string(name_of(set)) + ", " + std::to_string(threads) + " threads, result " +
                        std::to_string(i));
    }
  }
}

void check_threads(const std::function<Results(Backend&)>& function) {
  check_threads([&](InstructionSet set, int threads) { return function(*make_backend(set, threads)); });
}

TEST(convolution_does_not_depend_on_the_number_of_threads) {
  for (const ConvolutionShape shape : {ConvolutionShape{30, 16, 16, 2, 64}, {7, 12, 12, 24, 40}, {3, 16, 16, 64, 64}})
    check_threads([&](Backend& backend) -> Results {
      Values random(1);
      const std::size_t pixels = static_cast<std::size_t>(shape.batch) * shape.height * shape.width;
      Device input(backend, random.after_relu(pixels * shape.input_channels));
      Device weights(backend, random.normal(std::size_t{9} * shape.input_channels * shape.output_channels));
      Device gradient(backend, random.normal(pixels * shape.output_channels));
      Device output(backend, pixels * shape.output_channels), input_gradient(backend, pixels * shape.input_channels);
      Device weight_gradient(backend, std::size_t{9} * shape.input_channels * shape.output_channels);
      Device mean(backend, shape.output_channels), variance(backend, shape.output_channels);
      BatchStatistics statistics{mean, variance};
      const std::unique_ptr<Convolution> convolution = backend.convolution(shape, true);
      convolution->set_weights(weights);
      convolution->forward(shape.batch, input, output, &statistics);
      convolution->backward_data(shape.batch, gradient, input_gradient);
      convolution->backward_weights(shape.batch, input, gradient, weight_gradient);
      return {output.values(), mean.values(), variance.values(), input_gradient.values(), weight_gradient.values()};
    });
}

TEST(dense_does_not_depend_on_the_number_of_threads) {
  check_threads([](Backend& backend) -> Results {
    const DenseShape shape{50, 1000, 200};
    Values random(2);
    Device input(backend, random.after_relu(50 * 1000)), weights(backend, random.normal(200 * 1000));
    Device gradient(backend, random.normal(50 * 200)), output(backend, 50 * 200), mean(backend, 200),
        variance(backend, 200), input_gradient(backend, 50 * 1000), weight_gradient(backend, 200 * 1000),
        bias_gradient(backend, 200);
    BatchStatistics statistics{mean, variance};
    const std::unique_ptr<Dense> dense = backend.dense(shape, true);
    dense->set_weights(weights);
    dense->forward(50, input, nullptr, output, &statistics);
    dense->backward_data(50, gradient, input_gradient);
    dense->backward_weights(50, input, gradient, weight_gradient, bias_gradient);
    return {output.values(),         mean.values(),            variance.values(),
            input_gradient.values(), weight_gradient.values(), bias_gradient.values()};
  });
}

TEST(normalization_does_not_depend_on_the_number_of_threads) {
  const NormalizationShape shapes[] = {
      {30, 16, 16, 40, false, 1e-5f, 0}, {30, 16, 16, 40, true, 1e-5f, 0}, {700, 1, 1, 100, false, 1e-5f, 0.5f}};
  for (const NormalizationShape& shape : shapes)
    check_threads([&](Backend& backend) -> Results {
      Values random(3);
      const std::size_t count = static_cast<std::size_t>(shape.batch) * shape.height * shape.width * shape.channels;
      const std::size_t pooled = count / (shape.pool ? 4 : 1), channels = shape.channels;
      Device input(backend, random.normal(count)), gradient(backend, random.normal(pooled));
      Device gamma(backend, random.normal(channels)), beta(backend, random.normal(channels));
      Device mean(backend, random.normal(channels)), variance(backend, random.uniform(channels, 0.5, 2));
      Device output(backend, pooled), input_gradient(backend, count), gamma_gradient(backend, channels),
          beta_gradient(backend, channels);
      const RandomStream stream(1, Purpose::dropout, 1, 1);
      const NormalizationArguments arguments{input, {mean, variance}, gamma, beta, &stream};
      backend.normalization_forward(shape, arguments, output);
      backend.normalization_backward(shape, arguments, gradient, input_gradient, gamma_gradient, beta_gradient);
      return {output.values(), input_gradient.values(), gamma_gradient.values(), beta_gradient.values()};
    });
}

// Large batches go through the convolutions in shares, small ones layer by layer.
TEST(inference_depends_neither_on_the_number_of_threads_nor_on_the_batch) {
  Topology topology;
  topology.image_size = 24;
  topology.blocks = {{16, 24}, {40, 40}, {64}};
  topology.dense = {32};
  constexpr int count = 150;
  const std::size_t image = std::size_t{24} * 24 * 2, classes = static_cast<std::size_t>(topology.classes);
  std::vector<std::uint8_t> images(count * image);
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<std::uint8_t>(i * 2654435761u >> 13);
  check_threads([&](InstructionSet set, int threads) -> Results {
    Network network(topology, 1, make_backend(set, threads));
    const auto logits_of = [&](int first, int number) {
      std::vector<float> logits(number * classes);
      network.forward(images.data() + first * image, number, logits.data(), nullptr);
      return logits;
    };
    const std::vector<float> all = logits_of(0, count);
    expect_same(logits_of(0, count), all, "again");
    for (const int batch : {1, 15, 16, 31, 33, 47, 81}) {
      const int first = count - batch;
      expect_same(logits_of(first, batch), std::vector<float>(all.begin() + first * classes, all.end()),
                  "a batch of " + std::to_string(batch));
    }
    return {all};
  });
}

}  // namespace
