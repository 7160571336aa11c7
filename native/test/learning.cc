#include "learning.h"

#include <algorithm>
#include <cmath>

#include "../engine/network.h"
#include "simulated_cells.h"

namespace deepyeast::test {

Learned learn(std::unique_ptr<Backend> backend, std::uint64_t seed) {
  constexpr int kIterations = 300, kBatch = 50, kSize = 32;
  static const SimulatedCells training(4000, kSize, 1), validation(4000, kSize, 2);
  Topology topology;
  topology.image_size = kSize;
  topology.blocks = {{16, 16}, {32, 32}};
  topology.dense = {64};
  topology.classes = kSimulatedClasses;
  Network network(topology, seed, std::move(backend));
  network.set_input_transform(std::vector<float>(training.image_bytes, 40.0f).data(), 1 / 40.0f);

  Optimizer optimizer;
  optimizer.augment = true;
  std::vector<std::uint8_t> images(kBatch * training.image_bytes);
  std::vector<std::int32_t> labels(kBatch);
  for (int i = 0; i < kIterations; ++i) {
    const RandomStream rows(seed, Purpose::shuffle, static_cast<std::uint32_t>(i), 0);
    for (std::size_t j = 0; j < kBatch; ++j) {
      const std::size_t row = rows.word(j) % training.labels.size();
      labels[j] = training.labels[row];
      std::copy_n(training.images.begin() + static_cast<std::ptrdiff_t>(row * training.image_bytes), training.image_bytes,
                  images.begin() + static_cast<std::ptrdiff_t>(j * training.image_bytes));
    }
    network.begin_step(images.data(), nullptr, labels.data(), kBatch, static_cast<std::uint32_t>(i),
                       static_cast<float>(0.05 * std::pow(0.5, i / 60)), optimizer);
  }
  const std::vector<StepResult> results = network.finish_steps();
  Learned learned{0, 0};
  for (std::size_t i = results.size() - 50; i < results.size(); ++i) learned.loss += results[i].loss / 50;

  const std::size_t count = validation.labels.size();
  std::vector<float> posterior(count * kSimulatedClasses);
  network.forward(validation.images.data(), static_cast<int>(count), nullptr, posterior.data());
  for (std::size_t n = 0; n < count; ++n) {
    const auto row = posterior.begin() + static_cast<std::ptrdiff_t>(n * kSimulatedClasses);
    const std::ptrdiff_t best = std::max_element(row, row + kSimulatedClasses) - row;
    learned.accuracy += best == validation.labels[n] ? 1.0 / static_cast<double>(count) : 0;
  }
  return learned;
}

}  // namespace deepyeast::test
