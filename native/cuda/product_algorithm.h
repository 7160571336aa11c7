// Which algorithm of cuBLASLt computes a matrix product, kept among the plans so that a resumed training computes as
// before. Knows nothing of CUDA.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "plan_cache.h"

namespace deepyeast::cuda {

// A cublasLtMatmulAlgo_t, which cuBLASLt allows to be stored and used again by the same version: the plans are of one.
using AlgorithmWords = std::array<std::uint64_t, 8>;

// "algorithm " and 128 hexadecimal digits, then a checksum: what is not as it was written never reaches cuBLASLt.
std::string algorithm_text(const AlgorithmWords& algorithm);
bool parse_algorithm(const std::string& text, AlgorithmWords* algorithm);

// The algorithm that the plans hold for an operation, where it is `usable`; otherwise the one that `choose` finds, which the
// plans hold from then on. refused() is called where one was held that is not usable.
AlgorithmWords planned_algorithm(PlanCache& plans, const std::string& operation,
                                 const std::function<bool(const AlgorithmWords&)>& usable,
                                 const std::function<AlgorithmWords()>& choose, const std::function<void()>& refused);

}  // namespace deepyeast::cuda
