// What of an image is above the background, in units of the noise.
#pragma once

#include "bands.h"
#include "grid.h"

namespace deepyeast {

struct Signal {
  Image values;        // smoothed, background subtracted
  double noise = 0;    // standard deviation of the smoothed background
};

// Replaces values that are not finite by the least finite one (0 where there is none). Returns how many there were.
std::size_t make_finite(Image& image);

// `smoothing`: standard deviation of the Gaussian in pixels. `noise_floor`: of the image before it is smoothed.
Signal signal_of(const Image& image, double diameter, double smoothing, double noise_floor, const Bands& bands);

}  // namespace deepyeast
