#include "training_batches.h"

#include <cmath>
#include <string>

#include "../system/error.h"
#include "arguments.h"
#include "options.h"

namespace deepyeast {

std::vector<std::int32_t> labels_argument(const Napi::Value& value, std::size_t count, const Topology& topology) {
  auto labels = int32_array(value, "labels");
  if (labels.size() != count) {
    throw Error("invalid-argument", "labels has " + std::to_string(labels.size()) + " elements; expected " +
                                        std::to_string(count) + ", one an image");
  }
  require_labels(labels, static_cast<std::size_t>(topology.classes));
  return labels;
}

TrainingBatches training_batches_argument(const Napi::Value& value, const Topology& topology) {
  const Napi::Object object = object_argument(value, "batches");
  TrainingBatches batches;
  batches.store = store_argument(object.Get("images"), topology);
  batches.indices = uint32_array(object.Get("indices"), "indices");
  batches.labels = labels_argument(object.Get("labels"), batches.indices.size(), topology);
  batches.rates = float64_array(object.Get("learningRates"), "learningRates");
  const std::size_t batch =
      static_cast<std::size_t>(integer_argument(object.Get("batchSize"), "batchSize", 1, kMaximumBatch));
  const auto first = integer_argument(object.Get("iteration"), "iteration", 0, kMaximumIteration);
  batches.optimizer = optimizer_argument(object.Get("optimizer"));
  if (batches.rates.size() * batch != batches.indices.size()) {
    throw Error("invalid-argument", "indices has " + std::to_string(batches.indices.size()) + " elements; expected " +
                                        std::to_string(batches.rates.size() * batch) + ": batchSize for each of the " +
                                        std::to_string(batches.rates.size()) + " learning rates");
  }
  if (first + batches.rates.size() > kMaximumIteration) {
    throw Error("invalid-argument", "the iterations end beyond 2^32 - 1");
  }
  for (const double rate : batches.rates) {
    if (!std::isfinite(rate) || rate < 0) {
      throw Error("invalid-argument", "learningRates hold " + std::to_string(rate) + "; expected numbers from 0");
    }
  }
  const Napi::Value shares = object.Get("averageShares"), targets = object.Get("targets");
  if (!shares.IsUndefined()) {
    batches.shares = float64_array(shares, "averageShares");
    if (batches.shares.size() != batches.rates.size()) {
      throw Error("invalid-argument", "averageShares has " + std::to_string(batches.shares.size()) +
                                          " elements; expected " + std::to_string(batches.rates.size()) +
                                          ", as many as learning rates");
    }
    for (const double share : batches.shares) {
      if (!(share >= 0 && share <= 1)) {
        throw Error("invalid-argument", "averageShares hold " + std::to_string(share) + "; expected numbers from 0 to 1");
      }
    }
  }
  if (!targets.IsUndefined()) {
    batches.targets = float32_array(targets, "targets");
    const std::size_t expected = batches.indices.size() * static_cast<std::size_t>(topology.classes);
    if (batches.targets.size() != expected) {
      throw Error("invalid-argument", "targets has " + std::to_string(batches.targets.size()) + " elements; expected " +
                                          std::to_string(expected) + ", one an image and class");
    }
    for (const float target : batches.targets) {
      if (!(target >= 0 && target <= 1)) {
        throw Error("invalid-argument", "targets hold " + std::to_string(target) + "; expected shares from 0 to 1");
      }
    }
  }
  require_rows(batches.indices, *batches.store);
  batches.batch = static_cast<int>(batch);
  batches.first = static_cast<std::uint32_t>(first);
  return batches;
}

}  // namespace deepyeast
