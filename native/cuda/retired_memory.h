// Memory that something larger has replaced. Recordings may still refer to it, so it stays as long as the context.
#pragma once

#include <utility>
#include <vector>

#include "memory.h"

namespace deepyeast::cuda {

class RetiredMemory {
 public:
  void add(DeviceMemory memory) {
    if (memory.data() != nullptr) memory_.push_back(std::move(memory));
  }

 private:
  std::vector<DeviceMemory> memory_;
};

}  // namespace deepyeast::cuda
