// Random numbers against Random123's published vectors (its file kat_vectors, philox4x32 with 10 rounds).
#include <cmath>

#include "../system/random.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

TEST(philox_matches_the_published_vectors) {
  using Words = std::array<std::uint32_t, 4>;
  constexpr std::uint32_t kOnes = 0xffffffffu;
  expect(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}, "zeros");
  expect(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
             Words{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu},
         "ones");
  expect(philox4x32({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}) ==
             Words{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u},
         "digits of pi");
}

TEST(random_stream_counts_as_documented) {
  const std::uint64_t seed = 0x123456789abcdefull;
  const RandomStream stream(seed, Purpose::dropout, 77, 5);
  for (const std::uint64_t element : {0ull, 1ull, 2ull, 3ull, 4ull, 1000001ull, 0x3fffffffcull}) {
    const std::uint32_t expected = philox4x32({static_cast<std::uint32_t>(element / 4), 5, 77, 3},
                                              {0x89abcdefu, 0x01234567u})[element % 4];
    expect(stream.word(element) == expected, "element " + std::to_string(element));
  }
  std::vector<std::uint32_t> words(23);
  stream.words(6, words.size(), words.data());
  for (std::size_t i = 0; i < words.size(); ++i) expect(words[i] == stream.word(6 + i), "word " + std::to_string(i));
}

TEST(normal_variates_have_the_moments_of_a_normal_distribution) {
  const std::size_t count = 1 << 20;
  std::vector<double> values(count), part(99);
  const RandomStream stream(3, Purpose::weights, 0, 1);
  stream.normals(0, count, values.data());
  double mean = 0, square = 0, fourth = 0;
  for (const double value : values) {
    mean += value / count;
    square += value * value / count;
    fourth += std::pow(value, 4) / count;
  }
  // The tolerances are five standard errors.
  expect(std::abs(mean) < 5 / std::sqrt(count), "mean " + std::to_string(mean));
  expect(std::abs(square - 1) < 5 * std::sqrt(2.0 / count), "variance " + std::to_string(square));
  expect(std::abs(fourth - 3) < 5 * std::sqrt(96.0 / count), "fourth moment " + std::to_string(fourth));
  stream.normals(51, part.size(), part.data());
  for (std::size_t i = 0; i < part.size(); ++i) expect(part[i] == values[51 + i], "a part differs from the whole");
}

TEST(dropout_threshold_is_the_share_of_words) {
  expect(dropout_threshold(0.5f) == 0x80000000u, "a half");
  expect(dropout_threshold(0.25f) == 0x40000000u, "a quarter");
  expect(dropout_threshold(0.0f) == 0, "none");
}

}  // namespace
