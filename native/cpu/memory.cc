#include "memory.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace deepyeast {

namespace {
constexpr std::size_t alignment = 64;
}

AlignedMemory::AlignedMemory(std::size_t floats) : size_(floats) {
  if (floats == 0) return;
  if (floats > (static_cast<std::size_t>(-1) - alignment) / sizeof(float)) throw std::bad_alloc();
  const std::size_t bytes = (floats * sizeof(float) + alignment - 1) / alignment * alignment;
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, bytes) != 0) throw std::bad_alloc();
  std::memset(memory, 0, bytes);
  data_ = static_cast<float*>(memory);
}

AlignedMemory::~AlignedMemory() { std::free(data_); }

}  // namespace deepyeast
