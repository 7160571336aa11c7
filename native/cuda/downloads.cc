#include "downloads.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace deepyeast::cuda {

namespace {

constexpr std::size_t kMostWaiting = std::size_t{64} << 20;  // bytes of results that may wait for finish()

}  // namespace

void Downloads::enqueue(const void* device, std::size_t bytes, void* host) {
  if (bytes == 0) return;
  if (bytes > kMostWaiting) return copy_to_host(device, bytes, host, stream_);
  if (used_ + bytes > kMostWaiting) finish();
  if (memory_.size() < used_ + bytes) {
    finish();
    if (memory_.size() < bytes) memory_ = PinnedMemory(std::min(kMostWaiting, std::max(4 * bytes, std::size_t{1} << 20)));
  }
  check(cudaMemcpyAsync(memory_.data() + used_, device, bytes, cudaMemcpyDeviceToHost, stream_),
        "copy of " + bytes_text(bytes) + " from the device");
  pending_.push_back({used_, bytes, host});
  used_ += (bytes + 63) / 64 * 64;
}

void Downloads::finish() {
  const std::vector<Pending> pending = std::exchange(pending_, {});
  used_ = 0;
  if (pending.empty()) return;
  check(cudaStreamSynchronize(stream_), "enqueued work");
  for (const Pending& copy : pending) std::memcpy(copy.host, memory_.data() + copy.offset, copy.bytes);
}

}  // namespace deepyeast::cuda
