// Every operation gives the same bits for any number of threads.
#include "backends.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

using Results = std::vector<std::vector<float>>;

// Runs function on backends of 1, 2, 3 and 5 threads and compares what it returns.
void check_threads(const std::function<Results(Backend&)>& function) {
  for (const InstructionSet set : available_instruction_sets()) {
    Results first;
    for (const int threads : {1, 2, 3, 5}) {
      const std::unique_ptr<Backend> backend = make_backend(set, threads);
      const Results results = function(*backend);
      if (threads == 1) first = results;
      for (std::size_t i = 0; i < results.size(); ++i)
        expect_same(results[i], first[i],
                    std::string(name_of(set)) + ", " + std::to_string(threads) + " threads, result " +
                        std::to_string(i));
    }
  }
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

}  // namespace
