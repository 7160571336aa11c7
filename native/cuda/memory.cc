#include "memory.h"

#include <utility>

namespace deepyeast::cuda {

std::string bytes_text(std::size_t bytes) { return std::to_string(bytes) + " bytes"; }

DeviceMemory::DeviceMemory(std::size_t bytes, cudaStream_t stream, const std::string& what) : size_(bytes) {
  if (bytes == 0) return;
  check(cudaMalloc(&data_, bytes), "cudaMalloc(" + bytes_text(bytes) + ") for " + what);
  const cudaError_t status = cudaMemsetAsync(data_, 0, bytes, stream);
  if (status == cudaSuccess) return;
  cudaFree(data_);
  data_ = nullptr;
  check(status, "cudaMemsetAsync(" + bytes_text(bytes) + ")");
}

DeviceMemory::~DeviceMemory() {
  if (data_ != nullptr) cudaFree(data_);
}

DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

PinnedMemory::PinnedMemory(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  void* memory = nullptr;
  check(cudaMallocHost(&memory, bytes), "cudaMallocHost(" + bytes_text(bytes) + ")");
  data_ = static_cast<std::uint8_t*>(memory);
}

PinnedMemory::~PinnedMemory() {
  if (data_ != nullptr) cudaFreeHost(data_);
}

PinnedMemory::PinnedMemory(PinnedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

PinnedMemory& PinnedMemory::operator=(PinnedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void copy_to_device(const void* host, std::size_t bytes, void* device, cudaStream_t stream) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream),
        "copy of " + bytes_text(bytes) + " to the device");
  check(cudaStreamSynchronize(stream), "work before a copy to the device");
}

void copy_to_host(const void* device, std::size_t bytes, void* host, cudaStream_t stream) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream),
        "copy of " + bytes_text(bytes) + " from the device");
  check(cudaStreamSynchronize(stream), "work before a copy from the device");
}

std::size_t free_memory() {
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return free;
}

}  // namespace deepyeast::cuda
