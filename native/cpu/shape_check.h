// Checks of the shapes that operations are given.
#pragma once

#include "../system/error.h"

namespace deepyeast {

// Throws Error("invalid-argument", message) unless the condition holds.
inline void check_shape(bool condition, const char* message) {
  if (!condition) throw Error("invalid-argument", message);
}

}  // namespace deepyeast
