// One of the buffers by way of which images reach the device: staging.h.
#pragma once

#include "memory.h"
#include "stream.h"

namespace deepyeast::cuda {

// A slot of Staging: a buffer of the host and one of the device. Copies run in a stream of their own, beside what the other computes.
class StagingSlot {
 public:
  StagingSlot(cudaStream_t stream, cudaStream_t copy_stream) : stream_(stream), copy_stream_(copy_stream) {}
  std::size_t size() const { return host_.size(); }
  std::uint8_t* host() { return host_.data(); }
  const std::uint8_t* device() const { return device_.as<std::uint8_t>(); }
  void resize(std::size_t bytes);
  void copy(std::size_t bytes);
  void mark_used() { used_.record(stream_); }
  void on_host_wait_for_copy() const { copied_.wait_on_host(); }
  void on_host_wait_for_use() const { used_.wait_on_host(); }

 private:
  cudaStream_t stream_, copy_stream_;
  PinnedMemory host_;
  DeviceMemory device_;
  Event copied_, used_;
};

}  // namespace deepyeast::cuda
