// The mini-batches that a call of JavaScript hands over for training.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "../engine/network.h"

namespace deepyeast {

constexpr std::uint64_t kMaximumBatch = 65536;
constexpr std::uint64_t kMaximumIteration = 0xffffffffULL;

// Mini-batches of a call, kept by it while it runs.
struct TrainingBatches {
  std::shared_ptr<const ImageStore> store;
  std::vector<std::uint32_t> indices;
  std::vector<std::int32_t> labels;
  std::vector<double> rates, shares;  // shares empty: none
  std::vector<float> targets;         // empty: none
  int batch = 0;
  std::uint32_t first = 0;
  Optimizer optimizer;

  MiniBatches view() const {
    return {*store,    indices.data(),
            labels.data(), batch,
            rates,     first,
            optimizer, targets.empty() ? nullptr : targets.data(),
            shares.empty() ? nullptr : &shares};
  }
};

// Throws Error("invalid-argument"), Error("model-mismatch") or Error("labels-invalid").
TrainingBatches training_batches_argument(const Napi::Value& value, const Topology& topology);
// One label an image.
std::vector<std::int32_t> labels_argument(const Napi::Value& value, std::size_t count, const Topology& topology);

}  // namespace deepyeast
