// The images of a training set that stay on the device, where they fit.
#pragma once

#include <cstdint>

#include "memory.h"
#include "staging.h"
#include "staging_slot.h"

namespace deepyeast::cuda {

class TrainingSet {
 public:
  TrainingSet(cudaStream_t stream, Staging<StagingSlot>& staging) : stream_(stream), staging_(staging) {}
  // Whether the images of this number are there, all of them.
  bool holds(std::uint64_t id) const { return id_ == id && complete(); }
  bool complete() const { return memory_.data() != nullptr && complete_; }
  const std::uint8_t* images() const { return memory_.as<std::uint8_t>(); }
  // Makes room in place of the images held before; false where they take more than half of the free memory, which the rest
  // of a training needs.
  bool reserve(std::uint64_t id, std::uint64_t count, std::size_t image_bytes);
  // Copies a stretch of the images; `last` completes them.
  void put(std::uint64_t first, std::size_t number, const std::uint8_t* images, bool last);

 private:
  cudaStream_t stream_;
  Staging<StagingSlot>& staging_;
  DeviceMemory memory_;
  std::uint64_t id_ = 0;
  std::size_t image_bytes_ = 0;
  bool complete_ = false;
};

}  // namespace deepyeast::cuda
