// Separable filters of images; the image is continued by its border pixels.
#pragma once

#include "bands.h"
#include "grid.h"

namespace deepyeast {

// Gaussian with the standard deviation `sigma` in pixels, cut at three deviations; sigma of 0 copies.
Image gaussian(const Image& image, double sigma, const Bands& bands);

// Mean over windows of (2 * radius + 1)^2 pixels, of which those outside the image are left out.
Image box_mean(const Image& image, int radius);

// Least and greatest value in windows of (2 * radius + 1)^2 pixels (van Herk, Gil and Werman: three comparisons a pixel).
Image erosion(const Image& image, int radius);
Image dilation(const Image& image, int radius);

}  // namespace deepyeast
