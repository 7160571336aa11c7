// Buffers are aligned and filled with zeros, whatever their memory held before, and complete at any size.
#include "../cpu/memory.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

TEST(memory_is_aligned_and_filled_with_zeros) {
  const std::size_t large = std::size_t{1} << 20;  // floats: two large pages
  for (int repeat = 0; repeat < 3; ++repeat) {
    for (const std::size_t floats : {std::size_t{1}, std::size_t{17}, large - 1, large, large + 1, 3 * large + 5}) {
      AlignedMemory memory(floats);
      expect(memory.size() == floats, "another size");
      expect(reinterpret_cast<std::uintptr_t>(memory.data()) % 64 == 0, "not aligned");
      expect(std::all_of(memory.data(), memory.data() + floats, [](float value) { return value == 0; }),
             std::to_string(floats) + " floats are not all zero");
      std::fill_n(memory.data(), floats, 1.0f);  // memory that the next buffer may get
      const AlignedMemory moved = std::move(memory);
      expect(moved.data()[floats - 1] == 1, "lost when moved");
    }
  }
  expect(AlignedMemory(0).data() == nullptr && AlignedMemory().size() == 0, "an empty buffer has memory");
}

}  // namespace
