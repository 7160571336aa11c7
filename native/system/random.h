// Counter-based random numbers: Philox 4x32-10 (Salmon et al., SC 2011). The key is the seed; the counter is
// {element / 4, stream, iteration, purpose} and element % 4 picks the word, so that any number can be drawn on its own,
// on any device and by any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace deepyeast {

enum class Purpose : std::uint32_t {
  weights = 1,        // stream: layer index;            element: position in the weight tensor
  shuffle = 2,        // stream: 0, iteration: epoch;    element: position in the permutation (TypeScript)
  dropout = 3,        // stream: layer index;            element: cell in batch * units + unit
  augmentation = 4,   // streams of engine/perturbation.h; element: cell in batch, or pixel of the batch
  split = 5,          // TypeScript
  bootstrap = 6,      // TypeScript
  simulation = 7,     // TypeScript
  forest = 8,         // iteration: tree, or repeat of a permutation; stream: bootstrap, features, permuted column
  analysis = 9,       // TypeScript: samples and permutations of the analyses
};

// The ten-round block function; checked against Random123's published vectors.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// One stream of random numbers; element i is a pure function of (seed, purpose, iteration, stream, i).
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, Purpose purpose, std::uint32_t iteration, std::uint32_t stream);
  std::uint32_t word(std::uint64_t element) const;
  // What identifies the stream, for devices that draw the numbers themselves.
  const std::array<std::uint32_t, 2>& key() const { return key_; }
  std::uint32_t stream() const { return stream_; }
  std::uint32_t iteration() const { return iteration_; }
  std::uint32_t purpose() const { return purpose_; }
  // Fills output[0, count) with words first_element, first_element + 1, ...
  void words(std::uint64_t first_element, std::size_t count, std::uint32_t* output) const;
  // Standard normal variates, in double, by Box and Muller's transform: from words (w0, w1) of a pair of elements
  // (2i, 2i + 1): r = sqrt(-2 ln((w0 + 1) / 2^32)), t = 2 pi w1 / 2^32; element 2i is r cos t, element 2i + 1 r sin t.
  void normals(std::uint64_t first_element, std::size_t count, double* output) const;

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint32_t stream_, iteration_, purpose_;
};

// A dropped unit has word < dropout_threshold(p); kept units are scaled by 1 / (1 - p).
std::uint32_t dropout_threshold(float probability);

}  // namespace deepyeast
