// Distances to the edge of the regions of a label image.
#pragma once

#include "bands.h"
#include "grid.h"

namespace deepyeast {

// For each pixel of a region its distance to the nearest pixel that is not of this region, in pixels; 0 for background.
// Chamfer distances with the weights 5, 7 and 11 (Borgefors 1986), within 2% of the Euclidean. What lies outside the
// image counts as part of the region, since a cell goes on there.
Image distance_in_regions(const Labels& labels);

}  // namespace deepyeast
