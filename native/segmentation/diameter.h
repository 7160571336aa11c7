// How large the cells of a field are.
#pragma once

#include "bands.h"
#include "grid.h"

namespace deepyeast {

// The diameter of a typical cell in pixels: bodies are looked for without a scale, and half of their area belongs to
// bodies with a larger inscribed circle. 0 where nothing was found.
double measured_diameter(const Image& image, double noise_floor, const Bands& bands);

}  // namespace deepyeast
