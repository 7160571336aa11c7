// Results on their way to the host: copies are enqueued in order and waited for together.
#pragma once

#include <vector>

#include "memory.h"

namespace deepyeast::cuda {

class Downloads {
 public:
  explicit Downloads(cudaStream_t stream) : stream_(stream) {}
  // Enqueues a copy; finish() fills `host` at the latest.
  void enqueue(const void* device, std::size_t bytes, void* host);
  void finish();

 private:
  struct Pending {
    std::size_t offset, bytes;
    void* host;
  };

  cudaStream_t stream_;
  PinnedMemory memory_;
  std::size_t used_ = 0;
  std::vector<Pending> pending_;
};

}  // namespace deepyeast::cuda
