// Simulated cells for tests and measurements that have no images: an oval cell in channel 0 and in channel 1 a protein
// whose location is its class, in noise. This is far simpler than the package's simulator, but a network has to learn to
// tell the classes apart.
#pragma once

#include <cstdint>
#include <vector>

namespace deepyeast::test {

constexpr int kSimulatedClasses = 5;  // cytosol, nucleus, cell periphery, puncta, vacuole

struct SimulatedCells {
  SimulatedCells(int count, int size, std::uint64_t seed);

  std::size_t image_bytes;
  std::vector<std::uint8_t> images;   // [count, size, size, 2]
  std::vector<std::int32_t> labels;   // [count]
};

}  // namespace deepyeast::test
