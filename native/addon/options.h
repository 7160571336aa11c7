// Objects of options from JavaScript: the topology, the optimizer, the images.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "../engine/image_store.h"
#include "../engine/network.h"

namespace deepyeast {

Topology topology_argument(const Napi::Value& value);
Optimizer optimizer_argument(const Napi::Value& value);
Stage stage_argument(const Napi::Value& value);

// Rows of a store, or crops in memory.
struct ImageSource {
  std::shared_ptr<const ImageStore> store;
  std::vector<std::uint32_t> indices;
  std::vector<std::uint8_t> pixels;
  std::size_t count = 0;

  // Copies the images [first, first + number) to `target`.
  void read(std::size_t first, std::size_t number, std::size_t image_bytes, std::uint8_t* target) const;
};

ImageSource images_argument(const Napi::Value& value, const Topology& topology);
// The store of `value`. Throws Error("model-mismatch") unless its images have the shape of the network's.
std::shared_ptr<const ImageStore> store_argument(const Napi::Value& value, const Topology& topology);
// Throws Error("invalid-argument") unless every index is below the store's count.
void require_rows(const std::vector<std::uint32_t>& indices, const ImageStore& store);

}  // namespace deepyeast
