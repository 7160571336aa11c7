#include "training_set.h"

namespace deepyeast::cuda {

bool TrainingSet::reserve(std::uint64_t id, std::uint64_t count, std::size_t image_bytes) {
  check(cudaStreamSynchronize(stream_), "iterations on the images held before");
  memory_ = DeviceMemory();
  complete_ = false;
  id_ = 0;
  const std::uint64_t bytes = count * image_bytes;
  // The rest is for activations: images that take more than half of what is free are streamed.
  if (bytes == 0 || bytes > free_memory() / 2) return false;
  try {
    memory_ = DeviceMemory(static_cast<std::size_t>(bytes), stream_, "the training set");
  } catch (const Error& error) {
    if (error.code() != "out-of-memory") throw;
    return false;  // in pieces there may be enough, in one there is not
  }
  id_ = id;
  image_bytes_ = image_bytes;
  return true;
}

void TrainingSet::put(std::uint64_t first, std::size_t number, const std::uint8_t* images, bool last) {
  const std::size_t bytes = number * image_bytes_, offset = static_cast<std::size_t>(first) * image_bytes_;
  if (offset + bytes > memory_.size()) throw Error("internal", "images beyond those that the device was to hold");
  // By way of a slot, so that reading the next stretch runs beside this copy.
  const std::uint8_t* staged = staging_.stage(images, bytes);
  check(cudaMemcpyAsync(memory_.as<std::uint8_t>() + offset, staged, bytes, cudaMemcpyDeviceToDevice, stream_),
        "copy of the training set");
  staging_.used();
  complete_ = last;
}

}  // namespace deepyeast::cuda
