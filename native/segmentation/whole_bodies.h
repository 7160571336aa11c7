// Dead cells: bright spots in a dim body. Where a spot was found, the body around it is looked for.
#pragma once

#include "levels.h"

namespace deepyeast {

struct BodyRules {
  double share;       // a body ends at this share of its median level
  double spot;        // pixels of the largest spot
  double least, most; // pixels of a body
  double solidity;    // least share of its convex hull that it fills
};

// A spot ends at `share` of its own level, and what lies around it is fainter. Where the fainter pixels around it are a plateau
// that ends at `share` of its own level again, and is convex and as large as a cell, the plateau is the cell. Each region
// of at most rules.spot pixels is followed down inside its zone, and those of others like it.
void find_whole_bodies(Labels& labels, std::uint32_t count, const Labels& zones, const Levels& levels,
                       const BodyRules& rules);

}  // namespace deepyeast
