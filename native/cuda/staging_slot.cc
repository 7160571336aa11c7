#include "staging_slot.h"

namespace deepyeast::cuda {

void StagingSlot::resize(std::size_t bytes) {
  // The host's last, since size() is its: where the device has no room the slot stays as it was.
  device_ = DeviceMemory(bytes, copy_stream_, "images");
  host_ = PinnedMemory(bytes);
}

void StagingSlot::copy(std::size_t bytes) {
  used_.wait_in(copy_stream_);
  check(cudaMemcpyAsync(device_.data(), host_.data(), bytes, cudaMemcpyHostToDevice, copy_stream_),
        "copy of " + bytes_text(bytes) + " of images to the device");
  copied_.record(copy_stream_);
  copied_.wait_in(stream_);
}

}  // namespace deepyeast::cuda
