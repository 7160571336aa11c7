// Where a cell ends: at a share of its own level, and nowhere inside its convex hull.
#pragma once

#include "levels.h"
#include "regions.h"

namespace deepyeast {

// Cuts each region to the pixels above `share` of its level, which is the median of its signal. Of each region the largest part is kept. Returns the number of regions.
// `zones`, if given: pixels of a region's zone that are above its share become the region's.
std::uint32_t cut_at_share(Labels& labels, std::uint32_t count, const Levels& levels, double share,
                           Labels* zones = nullptr);

// Each region takes the background inside its convex hull.
void fill_hulls(Labels& labels, std::uint32_t count);

}  // namespace deepyeast
