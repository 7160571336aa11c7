// ReLU and maximum pool, element by element. A value that is not a number stays one through both, so that a broken network
// shows.
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
