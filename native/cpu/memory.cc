#include "memory.h"

#include <cstring>
#include <new>

#if defined(_WIN32)
#include <windows.h>
#else
#include <sys/mman.h>
#endif

namespace deepyeast {

namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kLargePage = std::size_t{2} << 20;

std::size_t rounded_up(std::size_t bytes, std::size_t multiple) { return (bytes + multiple - 1) / multiple * multiple; }

// Buffers of this size or more are mapped from the operating system, which fills a page with zeros when it is first
// touched: memory that a short program never touches costs it nothing.
constexpr std::size_t kLeastMapped = std::size_t{128} << 10;
bool is_mapped(std::size_t bytes) { return bytes >= kLeastMapped; }

#if defined(_WIN32)

// Large pages are a privilege there.
void* map(std::size_t bytes) {
  void* const memory = VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void unmap(void* memory, std::size_t) { VirtualFree(memory, 0, MEM_RELEASE); }

#else

constexpr std::size_t kPage = 4096;
// Buffers of this size or more consist of large pages: strides across pixels and transformed tiles touch more pages of
// 4 KB than the processor keeps addresses of (inference is 8% faster).
constexpr std::size_t kLeastLarge = 2 * kLargePage;

std::size_t mapped_size(std::size_t bytes) { return rounded_up(bytes, bytes >= kLeastLarge ? kLargePage : kPage); }

void* map(std::size_t bytes) {
  const bool large = bytes >= kLeastLarge;
  const std::size_t size = mapped_size(bytes);
  // Map one large page more than needed, so that the buffer can begin at the border of one, and give the rest back.
  void* memory =
      mmap(nullptr, large ? size + kLargePage : size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  if (!large) return memory;
  char* const start = static_cast<char*>(memory);
  const std::size_t before = (kLargePage - reinterpret_cast<std::size_t>(start) % kLargePage) % kLargePage;
  if (before > 0) munmap(start, before);
  if (before < kLargePage) munmap(start + before + size, kLargePage - before);
#if defined(MADV_HUGEPAGE)
  madvise(start + before, size, MADV_HUGEPAGE);  // only advice: ordinary pages serve as well
#endif
  return start + before;
}

void unmap(void* memory, std::size_t bytes) { munmap(memory, mapped_size(bytes)); }

#endif

}  // namespace

AlignedMemory::AlignedMemory(std::size_t floats) : size_(floats) {
  if (floats == 0) return;
  if (floats > (static_cast<std::size_t>(-1) - 2 * kLargePage) / sizeof(float)) throw std::bad_alloc();
  const std::size_t bytes = rounded_up(floats * sizeof(float), kCacheLine);
  if (is_mapped(bytes)) {
    data_ = static_cast<float*>(map(bytes));
    return;
  }
  void* const memory = ::operator new(bytes, std::align_val_t{kCacheLine});
  std::memset(memory, 0, bytes);
  data_ = static_cast<float*>(memory);
}

AlignedMemory::~AlignedMemory() {
  if (data_ == nullptr) return;
  const std::size_t bytes = rounded_up(size_ * sizeof(float), kCacheLine);
  if (is_mapped(bytes)) {
    unmap(data_, bytes);
  } else {
    ::operator delete(data_, std::align_val_t{kCacheLine});
  }
}

}  // namespace deepyeast
