// The background of a field and its noise.
#pragma once

#include "bands.h"
#include "grid.h"

namespace deepyeast {

// The background under the cells: means of blocks of a quarter of the cells' diameter, opened (the least value and then
// the greatest) over windows of six diameters and averaged over the same windows; interpolated between the blocks. A window
// must contain some blocks without cells.
Image background_of(const Image& image, double diameter);

// The standard deviation of the noise of `image`: of pixels `lag` apart in the same row, from the tenth of the blocks
// (of `block` pixels) where they differ least: there is no cell in those.
double noise_of(const Image& image, int block, int lag);

// The value below which the share `quantile` of `values` lies. Reorders them; 0 for none.
double quantile_of(std::vector<float>& values, double quantile);

}  // namespace deepyeast
