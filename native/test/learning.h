// A short training on simulated cells, to be compared between backends.
#pragma once

#include <cstdint>
#include <memory>

#include "../engine/backend.h"

namespace deepyeast::test {

struct Learned {
  double loss;      // mean of the last 50 of 300 iterations
  double accuracy;  // of 4,000 other cells
};

Learned learn(std::unique_ptr<Backend> backend, std::uint64_t seed);

}  // namespace deepyeast::test
