// The whole network on CUDA against the CPU: gradients, training, inference, and that the same seed gives the same bits.
// Runs where DEEPYEAST_TEST_CUDA names the CUDA library's file.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>

#include "../engine/network.h"
#include "../system/error.h"
#include "backends.h"
#include "learning.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

Topology small() {
  Topology topology;
  topology.image_size = 16;
  topology.blocks = {{16, 16}, {32}};
  topology.dense = {24};
  topology.classes = 5;
  return topology;
}

struct Cells {
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
  std::size_t image_bytes;

  Cells(const Topology& topology, int count) {
    image_bytes = static_cast<std::size_t>(topology.image_size) * topology.image_size * topology.channels;
    Values random(7);
    images = random.bytes(static_cast<std::size_t>(count) * image_bytes);
    labels = random.labels(static_cast<std::size_t>(count), topology.classes);
  }
};

std::unique_ptr<Network> network_on(std::unique_ptr<Backend> backend, const Topology& topology) {
  auto network = std::make_unique<Network>(topology, 3, std::move(backend));
  const std::size_t count = static_cast<std::size_t>(topology.image_size) * topology.image_size * topology.channels;
  network->set_input_transform(std::vector<float>(count, 127.0f).data(), 1 / 64.0f);
  return network;
}

std::unique_ptr<Network> cuda_network(const std::string& precision, const Topology& topology) {
  return network_on(make_cuda_test_backend(precision), topology);
}

// Square root of the mean square difference over that of the reference.
double difference(const std::vector<float>& values, const std::vector<float>& reference) {
  expect(values.size() == reference.size(), "sizes differ");
  double squares = 0, scale = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    squares += std::pow(static_cast<double>(values[i]) - reference[i], 2);
    scale += std::pow(static_cast<double>(reference[i]), 2);
  }
  return scale > 0 ? std::sqrt(squares / scale) : std::sqrt(squares);
}

// The error that rounding may cause in a whole network, where it also changes the choices of ReLU and pool. Whether it is
// larger than PyTorch's is measured by bench/gpu/run.sh.
double allowed(const std::string& precision) {
  return precision == "float32" ? 2e-3 : precision == "tf32" ? 4e-2 : 0.25;
}

TEST(network_on_small_cuda_has_the_gradients_of_the_cpu) {
  const Topology topology = small();
  const Cells cells(topology, 24);
  Optimizer optimizer;
  optimizer.augment = true;
  std::map<std::string, std::vector<float>> expected;
  std::vector<float> expected_logits;
  const auto cpu = network_on(make_backend(available_instruction_sets().front(), 2), topology);
  const StepResult reference =
      cpu->gradients(cells.images.data(), cells.labels.data(), 24, 5, optimizer, &expected, &expected_logits);
  for (const std::string precision : {"float32", "tf32", "bfloat16"}) {
    const auto cuda = cuda_network(precision, topology);
    std::map<std::string, std::vector<float>> gradients;
    std::vector<float> logits;
    const StepResult result =
        cuda->gradients(cells.images.data(), cells.labels.data(), 24, 5, optimizer, &gradients, &logits);
    expect(std::abs(result.loss - reference.loss) <= allowed(precision) * reference.loss, precision + ": loss");
    expect(difference(logits, expected_logits) <= allowed(precision), precision + ": logits");
    for (const auto& [name, values] : expected) {
      const double error = difference(gradients.at(name), values);
      expect(error <= allowed(precision), precision + ": gradient of " + name + ", difference " + std::to_string(error));
    }
  }
}

// Through begin_step: the first iterations run one operation at a time, later ones are replayed.
std::vector<StepResult> trained(Network& network, const Cells& cells, int batch, int iterations, bool held,
                                std::uint32_t first = 0) {
  const std::size_t count = cells.labels.size();
  if (held)
    expect(network.backend().hold_images(1, count, cells.image_bytes,
                                         [&](std::uint64_t from, std::size_t number, std::uint8_t* target) {
                                           std::copy_n(cells.images.begin() + static_cast<std::ptrdiff_t>(from * cells.image_bytes),
                                                       number * cells.image_bytes, target);
                                         }),
           "the images are not held");
  Optimizer optimizer;
  optimizer.augment = true;
  std::vector<std::uint32_t> rows(static_cast<std::size_t>(batch));
  std::vector<std::int32_t> labels(rows.size());
  std::vector<std::uint8_t> images(rows.size() * cells.image_bytes);
  for (int i = 0; i < iterations; ++i) {
    const std::uint32_t iteration = first + static_cast<std::uint32_t>(i);
    for (std::size_t j = 0; j < rows.size(); ++j) {
      rows[j] = static_cast<std::uint32_t>((iteration * 31 + j * 17) % count);
      labels[j] = cells.labels[rows[j]];
      std::copy_n(cells.images.begin() + static_cast<std::ptrdiff_t>(rows[j] * cells.image_bytes), cells.image_bytes,
                  images.begin() + static_cast<std::ptrdiff_t>(j * cells.image_bytes));
    }
    network.begin_step(held ? nullptr : images.data(), held ? rows.data() : nullptr, labels.data(), batch, iteration,
                       0.02f, optimizer);
  }
  return network.finish_steps();
}

TEST(network_on_small_cuda_trains_as_on_the_cpu) {
  const Topology topology = small();
  const Cells cells(topology, 60);
  const auto cpu = network_on(make_backend(available_instruction_sets().front(), 2), topology);
  const std::vector<StepResult> expected = trained(*cpu, cells, 20, 5, false);
  for (const std::string precision : {"float32", "tf32", "bfloat16"}) {
    const auto cuda = cuda_network(precision, topology);
    const std::vector<StepResult> results = trained(*cuda, cells, 20, 5, true);
    expect(results.size() == expected.size(), precision + ": number of results");
    for (std::size_t i = 0; i < results.size(); ++i)
      expect(std::abs(results[i].loss - expected[i].loss) <= 2 * allowed(precision) * expected[i].loss,
             precision + ": loss of iteration " + std::to_string(i) + " is " + std::to_string(results[i].loss) +
                 ", on the CPU " + std::to_string(expected[i].loss));
    for (const ParameterSpecification& specification : cpu->layout().specifications) {
      const double error = difference(cuda->tensor(specification.name), cpu->tensor(specification.name));
      expect(error <= 2 * allowed(precision), precision + ": " + specification.name + " after training");
    }
  }
}

TEST(network_on_small_cuda_gives_the_same_bits_again) {
  const Topology topology = small();
  const Cells cells(topology, 300);
  for (const std::string precision : {"float32", "tf32", "bfloat16"}) {
    const auto first = cuda_network(precision, topology);
    const std::vector<StepResult> results = trained(*first, cells, 20, 300, true);
    expect(results.size() == 300, "more iterations than results are kept at once");
    // Streamed instead of held, stopped and resumed, with the first one's plans.
    auto second = cuda_network(precision, topology);
    second->backend().set_plans(first->backend().plans());
    trained(*second, cells, 20, 100, false);
    auto third = cuda_network(precision, topology);
    third->backend().set_plans(first->backend().plans());
    for (const ParameterSpecification& s : first->layout().specifications) {
      for (const std::string prefix : {"", "velocity/"}) {
        if (!prefix.empty() && !s.trainable()) continue;
        const std::vector<float> values = second->tensor(prefix + s.name);
        third->set_tensor(prefix + s.name, values.data(), values.size());
      }
    }
    second.reset();
    trained(*third, cells, 20, 200, false, 100);
    for (const ParameterSpecification& s : first->layout().specifications)
      expect_same(third->tensor(s.name), first->tensor(s.name), precision + ": " + s.name);
  }
}

TEST(network_on_small_cuda_stops_at_a_loss_that_is_not_finite) {
  const Topology topology = small();
  const Cells cells(topology, 40);
  const auto cuda = cuda_network("float32", topology);
  trained(*cuda, cells, 20, 3, true);
  std::vector<float> weights = cuda->tensor("fc2.bias");
  weights[0] = std::nanf("");
  cuda->set_tensor("fc2.bias", weights.data(), weights.size());
  const std::vector<float> before = cuda->tensor("conv1_1.weight");
  const std::vector<StepResult> results = trained(*cuda, cells, 20, 5, true, 3);
  expect(results.size() == 1 && !std::isfinite(results[0].loss), "results after the first that is not finite");
  expect_same(cuda->tensor("conv1_1.weight"), before, "weights");
  weights[0] = 0;
  cuda->set_tensor("fc2.bias", weights.data(), weights.size());
  expect(trained(*cuda, cells, 20, 5, true, 8).size() == 5, "training goes on afterwards");
}

TEST(network_on_small_cuda_predicts_as_on_the_cpu_in_any_batch) {
  const Topology topology = small();
  const Cells cells(topology, 130);
  const std::size_t classes = 5;
  const auto cpu = network_on(make_backend(available_instruction_sets().front(), 2), topology);
  trained(*cpu, cells, 20, 3, false);
  std::vector<float> expected(130 * classes), posterior(130 * classes), logits(130 * classes);
  cpu->forward(cells.images.data(), 130, nullptr, expected.data());
  for (const std::string precision : {"float32", "tf32", "bfloat16"}) {
    const auto cuda = cuda_network(precision, topology);
    for (const ParameterSpecification& s : cpu->layout().specifications) {
      const std::vector<float> values = cpu->tensor(s.name);
      cuda->set_tensor(s.name, values.data(), values.size());
    }
    // Whole, repeatedly (recorded, then replayed), one by one, and by way of a reader.
    for (int i = 0; i < 3; ++i) {
      std::fill(posterior.begin(), posterior.end(), 0.0f);
      cuda->forward(cells.images.data(), 130, logits.data(), posterior.data());
      expect(difference(posterior, expected) <= allowed(precision), precision + ": posterior");
    }
    std::vector<float> alone(classes);
    for (const std::size_t cell : {std::size_t{0}, std::size_t{77}, std::size_t{129}}) {
      cuda->forward(cells.images.data() + cell * cells.image_bytes, 1, nullptr, alone.data());
      for (std::size_t k = 0; k < classes; ++k)
        expect(std::abs(alone[k] - posterior[cell * classes + k]) <= (precision == "float32" ? 1e-5 : allowed(precision)),
               precision + ": alone and in a batch");
    }
    for (const Stage stage : {Stage::linear, Stage::normalized, Stage::activated, Stage::pooled}) {
      std::size_t values = 1;
      for (const std::size_t extent : activation_shape(cpu->layers(), "conv1_2", stage)) values *= extent;
      std::vector<float> on_cpu(9 * values), on_cuda(9 * values);
      cpu->activations(cells.images.data(), 9, "conv1_2", stage, on_cpu.data());
      cuda->activations(cells.images.data(), 9, "conv1_2", stage, on_cuda.data());
      expect(difference(on_cuda, on_cpu) <= allowed(precision), precision + ": conv1_2, stage " + std::to_string(static_cast<int>(stage)));
    }
  }
}

TEST(network_on_cuda_learns_as_on_the_cpu) {
  if (std::getenv("DEEPYEAST_TEST_CUDA") == nullptr) throw Skipped("DEEPYEAST_TEST_CUDA does not name a CUDA library");
  constexpr std::uint64_t kSeeds[] = {1, 2, 3};
  const auto mean_of = [&](const std::function<std::unique_ptr<Backend>()>& make, const std::string& name) {
    Learned mean{0, 0};
    for (const std::uint64_t seed : kSeeds) {
      const Learned one = learn(make(), seed);
      std::printf("     %s, seed %d: loss %.4f, accuracy %.4f\n", name.c_str(), static_cast<int>(seed), one.loss, one.accuracy);
      mean.loss += one.loss / std::size(kSeeds);
      mean.accuracy += one.accuracy / std::size(kSeeds);
    }
    return mean;
  };
  const Learned cpu = mean_of([] { return make_backend(available_instruction_sets().back(), 0); }, "cpu");
  for (const std::string precision : {"float32", "tf32", "bfloat16"}) {
    const Learned cuda = mean_of([&] { return make_cuda_test_backend(precision); }, precision);
    expect(std::abs(cuda.loss - cpu.loss) <= 0.03 * cpu.loss,
           precision + ": mean loss " + std::to_string(cuda.loss) + ", on the CPU " + std::to_string(cpu.loss));
    expect(std::abs(cuda.accuracy - cpu.accuracy) <= 0.01,
           precision + ": accuracy " + std::to_string(cuda.accuracy) + ", on the CPU " + std::to_string(cpu.accuracy));
  }
}

TEST(networks_on_small_cuda_close_in_any_order) {
  const Topology topology = small();
  const Cells cells(topology, 40);
  auto a = cuda_network("float32", topology), b = cuda_network("bfloat16", topology);
  trained(*a, cells, 20, 4, true);
  auto c = cuda_network("tf32", topology);
  trained(*b, cells, 20, 4, true);
  a.reset();
  trained(*c, cells, 20, 4, true);
  trained(*b, cells, 20, 4, true, 4);
  b.reset();
  c.reset();
}

TEST(network_on_cuda_without_memory_names_the_batch_that_fits) {
  const auto cuda = cuda_network("float32", Topology());
  const std::size_t image = 64 * 64 * 2;
  const int batch = 60000;
  const std::vector<std::uint8_t> images(static_cast<std::size_t>(batch) * image);
  const std::vector<std::int32_t> labels(batch, 0);
  if (cuda->backend().available_memory() > std::size_t{180} << 30) throw Skipped("the device has too much memory");
  try {
    cuda->train_step(images.data(), labels.data(), batch, 0, 0.01f, Optimizer());
    expect(false, "no error");
  } catch (const Error& error) {
    expect(error.code() == "out-of-memory", std::string("error ") + error.what());
    expect(std::string(error.what()).find("a batch of") != std::string::npos, std::string("message: ") + error.what());
  }
  // The network goes on.
  cuda->train_step(images.data(), labels.data(), 4, 0, 0.01f, Optimizer());
}

}  // namespace
