// Memory of the device and page-locked memory of the host, and copies between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "status.h"

namespace deepyeast::cuda {

// Device memory, zero-filled in the stream.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(std::size_t bytes, cudaStream_t stream, const std::string& what);
  ~DeviceMemory();
  DeviceMemory(DeviceMemory&& other) noexcept;
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;
  void* data() const { return data_; }
  std::size_t size() const { return size_; }
  template <typename Type>
  Type* as() const {
    return static_cast<Type*>(data_);
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

// Page-locked host memory, which copies can run beside computing.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  explicit PinnedMemory(std::size_t bytes);
  ~PinnedMemory();
  PinnedMemory(PinnedMemory&& other) noexcept;
  PinnedMemory& operator=(PinnedMemory&& other) noexcept;
  std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

// Copies that have ended when they return, after all that was enqueued in the stream.
void copy_to_device(const void* host, std::size_t bytes, void* device, cudaStream_t stream);
void copy_to_host(const void* device, std::size_t bytes, void* host, cudaStream_t stream);

// Bytes of the current device that are free.
std::size_t free_memory();

// "64 bytes", for messages.
std::string bytes_text(std::size_t bytes);

}  // namespace deepyeast::cuda
