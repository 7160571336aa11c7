// The network as a whole: mini-batches from a store, outputs of layers, and what its calls leave to each other.
#include <algorithm>
#include <cmath>
#include <string>

#include "../engine/network.h"
#include "../system/error.h"
#include "backends.h"
#include "temporary_file.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

constexpr int size = 8, kImageBytes = size * size * 2, kCells = 37;

Topology small() {
  Topology topology;
  topology.image_size = size;
  topology.blocks = {{16, 16}};
  topology.dense = {10};
  topology.classes = 3;
  return topology;
}

std::unique_ptr<Network> small_network(int threads = 2) {
  auto network = std::make_unique<Network>(small(), 4, make_backend(available_instruction_sets().front(), threads));
  network->set_input_transform(std::vector<float>(kImageBytes, 127.0f).data(), 1 / 64.0f);
  return network;
}

// Images in a file that exists as long as the object, after 5 bytes of something else.
class StoredCells {
 public:
  StoredCells()
      : images(Values(9).bytes(kCells * kImageBytes)),
        file("ahead" + std::string(images.begin(), images.end())),
        store(std::make_unique<ImageStore>(file.path(), 5, kCells, size, 2)) {}
  std::vector<std::uint8_t> images;
  TemporaryFile file;
  std::unique_ptr<ImageStore> store;
};

struct Order {
  explicit Order(int steps, int batch) : rates(static_cast<std::size_t>(steps)) {
    for (std::size_t step = 0; step < rates.size(); ++step) rates[step] = 0.01 / static_cast<double>(step + 1);
    for (int i = 0; i < steps * batch; ++i) {
      rows.push_back(static_cast<std::uint32_t>(i * 11 % kCells));
      labels.push_back(static_cast<std::int32_t>(rows.back() % 3));
    }
  }
  std::vector<std::uint32_t> rows;
  std::vector<std::int32_t> labels;
  std::vector<double> rates;
};

TEST(network_trains_on_mini_batches_as_step_by_step) {
  const StoredCells cells_on_disk;
  constexpr int steps = 6, batch = 7;
  const Order order(steps, batch);
  Optimizer optimizer;
  optimizer.augment = true;
  const auto whole = small_network(), stepwise = small_network();
  const std::vector<StepResult> results = whole->train(
      {*cells_on_disk.store, order.rows.data(), order.labels.data(), batch, order.rates, 100, optimizer},
      [] { return false; });
  expect(results.size() == steps, std::to_string(results.size()) + " results");
  for (std::size_t step = 0; step < steps; ++step) {
    std::vector<std::uint8_t> images;
    for (std::size_t i = 0; i < batch; ++i) {
      const auto first = cells_on_disk.images.begin() + order.rows[step * batch + i] * kImageBytes;
      images.insert(images.end(), first, first + kImageBytes);
    }
    const StepResult result =
        stepwise->train_step(images.data(), order.labels.data() + step * batch, batch,
                             static_cast<std::uint32_t>(100 + step), static_cast<float>(order.rates[step]), optimizer);
    expect(result.loss == results[step].loss && result.correct == results[step].correct,
           "step " + std::to_string(step) + " differs");
  }
  for (const ParameterSpecification& tensor : whole->layout().specifications)
    expect_same(whole->tensor(tensor.name), stepwise->tensor(tensor.name), tensor.name);
}

TEST(network_stops_training_when_cancelled_or_not_finite) {
  const StoredCells cells_on_disk;
  const Order order(10, 5);
  const auto network = small_network();
  int asked = 0;
  const MiniBatches batches = {*cells_on_disk.store, order.rows.data(), order.labels.data(), 5, order.rates, 0, {}};
  expect(network->train(batches, [&] { return ++asked > 4; }).size() == 4, "stops before the fifth mini-batch");
  expect(network->train(batches, [] { return true; }).empty(), "cancelled before the first");

  std::vector<float> bias = network->tensor("fc2.bias");
  bias[0] = std::nanf("");
  network->set_tensor("fc2.bias", bias.data(), bias.size());
  const std::vector<float> before = network->tensor("conv1_1.weight");
  const std::vector<StepResult> results = network->train(batches, [] { return false; });
  expect(results.size() == 1 && !std::isfinite(results[0].loss), "the loss that is not finite is the last result");
  expect_same(network->tensor("conv1_1.weight"), before, "weights");
}

TEST(network_forgets_the_results_of_a_call_that_fails) {
  const StoredCells cells_on_disk;
  Order order(4, 5);
  const auto network = small_network();
  order.rows[17] = kCells;  // in the last mini-batch: no such image
  bool failed = false;
  try {
    network->train({*cells_on_disk.store, order.rows.data(), order.labels.data(), 5, order.rates, 0, {}},
                   [] { return false; });
  } catch (const Error& error) {
    failed = error.code() == "invalid-argument";
  }
  expect(failed, "an image that is not there");
  expect(network->finish_steps().empty(), "three steps' results are left for the next call");
}

// Every layer at every stage, for one image, several groups of images, and images from memory or by reader.
TEST(network_gives_the_same_activations_in_any_number) {
  const auto network = small_network();
  const std::vector<std::uint8_t> images = Values(3).bytes(kCells * kImageBytes);
  for (const Layer& layer : network->layers())
    for (const Stage stage : {Stage::linear, Stage::normalized, Stage::activated, Stage::pooled}) {
      if (stage == Stage::pooled && !layer.pool) continue;
      std::size_t values = 1;
      for (const std::size_t extent : activation_shape(network->layers(), layer.name, stage)) values *= extent;
      std::vector<float> all(kCells * values), read(all.size()), one(values);
      network->activations(images.data(), kCells, layer.name, stage, all.data());
      network->activations(
          [&](std::size_t first, int count, std::uint8_t* target) {
            std::copy_n(images.begin() + static_cast<std::ptrdiff_t>(first) * kImageBytes, count * kImageBytes, target);
          },
          kCells, layer.name, stage, read.data());
      expect_same(read, all, layer.name + " by reader");
      for (const int image : {0, 16, kCells - 1}) {
        network->activations(images.data() + image * kImageBytes, 1, layer.name, stage, one.data());
        const auto first = all.begin() + static_cast<std::ptrdiff_t>(image * values);
        expect_same(one, std::vector<float>(first, first + static_cast<std::ptrdiff_t>(values)), layer.name);
      }
    }
}

TEST(network_names_its_layers_where_one_is_asked_for_that_it_lacks) {
  const auto network = small_network();
  const std::vector<std::uint8_t> image(kImageBytes);
  std::vector<float> output(1 << 12);
  const auto message = [&](const std::string& layer, Stage stage) -> std::string {
    try {
      network->activations(image.data(), 1, layer, stage, output.data());
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  expect(message("conv9", Stage::linear).find("conv1_1, conv1_2, fc1, fc2") != std::string::npos, "names of layers");
  expect(message("conv1_1", Stage::pooled).find("no pooling follows conv1_1") != std::string::npos, "a pool");
}

// The operations grow with the largest batch, and what was prepared for smaller ones is prepared again.
TEST(network_predicts_and_trains_in_turn) {
  const std::vector<std::uint8_t> images = Values(5).bytes(200 * kImageBytes);
  const std::vector<std::int32_t> labels = Values(6).labels(200, 3);
  const auto network = small_network(), only_trained = small_network();
  std::vector<float> posterior(200 * 3), expected(200 * 3);
  for (const int batch : {10, 150, 20, 200}) {
    network->forward(images.data(), batch, nullptr, posterior.data());
    for (Network* each : {network.get(), only_trained.get()})
      each->train_step(images.data(), labels.data(), batch, static_cast<std::uint32_t>(batch), 0.01f, Optimizer());
  }
  network->forward(images.data(), 200, nullptr, posterior.data());
  only_trained->forward(images.data(), 200, nullptr, expected.data());
  expect_same(posterior, expected, "posteriors");
}

Perturbations mixed_and_noisy() {
  Perturbations perturbations;
  perturbations.zoom = {0.9, 1.2};
  perturbations.white_noise = {0, 10};
  perturbations.mixup = 1;
  return perturbations;
}

// A training that is cut into calls, on other numbers of threads, ends with the same bits.
TEST(network_trains_on_perturbed_cells_alike_however_it_is_called) {
  const StoredCells cells;
  constexpr int steps = 6, batch = 7;
  const Order order(steps, batch);
  Optimizer optimizer;
  optimizer.augment = true;
  optimizer.perturbations = mixed_and_noisy();
  const std::vector<double> shares = {0, 0, 1, 0.5, 0.5, 0.5};
  const auto train = [&](Network& network, int first, int count) {
    const std::vector<double> rates(order.rates.begin() + first, order.rates.begin() + first + count);
    const std::vector<double> own(shares.begin() + first, shares.begin() + first + count);
    network.train({*cells.store, order.rows.data() + first * batch, order.labels.data() + first * batch, batch, rates,
                   static_cast<std::uint32_t>(first), optimizer, nullptr, &own},
                  [] { return false; });
  };
  const auto whole = small_network(2), apart = small_network(3);
  train(*whole, 0, steps);
  for (int step = 0; step < steps; step += 2) train(*apart, step, 2);
  for (const char* name : {"conv1_1.weight", "fc2.bias", "conv1_2.running_mean", "average/conv1_1.weight"})
    expect_same(apart->tensor(name), whole->tensor(name), name);
}

// The average of the weights after the steps that have a share, and nothing of the training changes by it.
TEST(network_averages_its_parameters) {
  const StoredCells cells;
  constexpr int steps = 5, batch = 7;
  const Order order(steps, batch);
  const auto network = small_network(), other = small_network();
  const std::vector<double> shares = {0, 1, 0, 1.0 / 2, 1.0 / 3};
  network->train({*cells.store, order.rows.data(), order.labels.data(), batch, order.rates, 0, Optimizer{}, nullptr, &shares},
                 [] { return false; });
  std::vector<double> mean(other->tensor("fc1.weight").size());
  for (int step = 0; step < steps; ++step) {
    other->train({*cells.store, order.rows.data() + step * batch, order.labels.data() + step * batch, batch,
                  {order.rates[step]}, static_cast<std::uint32_t>(step), Optimizer{}},
                 [] { return false; });
    const std::vector<float> weights = other->tensor("fc1.weight");
    if (shares[step] > 0)
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += weights[i] / 3.0;
  }
  expect_same(network->tensor("fc1.weight"), other->tensor("fc1.weight"), "the weights themselves");
  expect_close(network->tensor("average/fc1.weight"), mean, 1e-6, "the average");
  const std::vector<float> weights = network->tensor("fc1.weight"), average = network->tensor("average/fc1.weight");
  network->swap_average();
  expect_same(network->tensor("fc1.weight"), average, "exchanged");
  network->swap_average();
  expect_same(network->tensor("fc1.weight"), weights, "exchanged again");
}

// The first convolution's statistics are those of its outputs over the batch, by another way: linear outputs in inference.
TEST(network_computes_its_statistics_anew) {
  const StoredCells cells;
  constexpr int steps = 3, batch = 7;
  const Order order(steps, batch);
  Optimizer optimizer;
  optimizer.perturbations.mixup = 1;  // which is left out
  const auto network = small_network();
  const std::vector<float> weights = network->tensor("conv1_1.weight");
  network->recompute_statistics({*cells.store, order.rows.data(), order.labels.data(), batch, order.rates, 5, optimizer},
                                [] { return false; });
  expect_same(network->tensor("conv1_1.weight"), weights, "weights");
  constexpr int channels = 16, pixels = size * size;
  std::vector<double> mean(channels), variance(channels);
  for (int step = 0; step < steps; ++step) {
    std::vector<std::uint8_t> images;
    for (int cell = 0; cell < batch; ++cell) {
      const auto first = cells.images.begin() + order.rows[step * batch + cell] * kImageBytes;
      images.insert(images.end(), first, first + kImageBytes);
    }
    std::vector<float> linear(std::size_t{batch} * pixels * channels);
    network->activations(images.data(), batch, "conv1_1", Stage::linear, linear.data());
    const double count = batch * pixels;
    for (int c = 0; c < channels; ++c) {
      double sum = 0, squares = 0;
      for (int i = 0; i < batch * pixels; ++i) sum += linear[i * channels + c];
      for (int i = 0; i < batch * pixels; ++i) squares += std::pow(linear[i * channels + c] - sum / count, 2);
      mean[c] += sum / count / steps;
      variance[c] += squares / (count - 1) / steps;
    }
  }
  expect_close(network->tensor("conv1_1.running_mean"), mean, 1e-5, "means");
  expect_close(network->tensor("conv1_1.running_variance"), variance, 1e-5, "variances");
}

// Targets of one label each are labels.
TEST(network_trains_on_targets) {
  const StoredCells cells;
  constexpr int steps = 3, batch = 6, classes = 3;
  const Order order(steps, batch);
  std::vector<float> targets(static_cast<std::size_t>(steps) * batch * classes);
  for (int i = 0; i < steps * batch; ++i) targets[i * classes + order.labels[i]] = 1;
  const auto by_labels = small_network(), by_targets = small_network();
  by_labels->train({*cells.store, order.rows.data(), order.labels.data(), batch, order.rates, 0, Optimizer{}},
                   [] { return false; });
  by_targets->train({*cells.store, order.rows.data(), order.labels.data(), batch, order.rates, 0, Optimizer{}, targets.data()},
                    [] { return false; });
  expect_same(by_targets->tensor("conv1_1.weight"), by_labels->tensor("conv1_1.weight"), "weights");
  std::fill(targets.begin(), targets.end(), 1.0f / classes);
  const auto even = small_network();
  even->train({*cells.store, order.rows.data(), order.labels.data(), batch, order.rates, 0, Optimizer{}, targets.data()},
              [] { return false; });
  expect(even->tensor("conv1_1.weight") != by_labels->tensor("conv1_1.weight"), "other targets, other weights");
}

}  // namespace
