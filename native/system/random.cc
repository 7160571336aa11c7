#include "random.h"

#include <cmath>

namespace deepyeast {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
constexpr double kTwoPi = 6.283185307179586476925286766559;
constexpr double kTwoTo32 = 4294967296.0;

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{kMultiplier0} * counter[0];
    const std::uint64_t product1 = std::uint64_t{kMultiplier1} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

RandomStream::RandomStream(std::uint64_t seed, Purpose purpose, std::uint32_t iteration, std::uint32_t stream)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      stream_(stream),
      iteration_(iteration),
      purpose_(static_cast<std::uint32_t>(purpose)) {}

std::uint32_t RandomStream::word(std::uint64_t element) const {
  return philox4x32({static_cast<std::uint32_t>(element / 4), stream_, iteration_, purpose_}, key_)[element % 4];
}

void RandomStream::words(std::uint64_t first_element, std::size_t count, std::uint32_t* output) const {
  std::size_t done = 0;
  while (done < count) {
    const std::uint64_t element = first_element + done;
    const auto block = philox4x32({static_cast<std::uint32_t>(element / 4), stream_, iteration_, purpose_}, key_);
    for (std::size_t word = element % 4; word < 4 && done < count; ++word) output[done++] = block[word];
  }
}

void RandomStream::normals(std::uint64_t first_element, std::size_t count, double* output) const {
  std::size_t done = 0;
  while (done < count) {
    const std::uint64_t element = first_element + done;
    const auto block = philox4x32({static_cast<std::uint32_t>(element / 4), stream_, iteration_, purpose_}, key_);
    double variates[4];
    for (std::size_t pair = 0; pair < 4; pair += 2) {
      const double radius = std::sqrt(-2.0 * std::log((block[pair] + 1.0) / kTwoTo32));
      const double angle = kTwoPi * (block[pair + 1] / kTwoTo32);
      variates[pair] = radius * std::cos(angle);
      variates[pair + 1] = radius * std::sin(angle);
    }
    for (std::size_t word = element % 4; word < 4 && done < count; ++word) output[done++] = variates[word];
  }
}

std::uint32_t dropout_threshold(float probability) {
  return static_cast<std::uint32_t>(static_cast<double>(probability) * kTwoTo32);
}

}  // namespace deepyeast
