// ReLU and maximum pool, element by element. NaN passes through both, so that a broken network is noticed.
#pragma once

#include "vector.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

DEEPYEAST_INLINE Vector rectify(Vector value) { return value < Vector{} ? Vector{} : value; }

DEEPYEAST_INLINE Vector larger(Vector best, Vector value) {
  return ((value > best) | (value != value)) ? value : best;
}

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
