// Joins the fragments of a cell that dark structures inside it cut in pieces.
#pragma once

#include "levels.h"
#include "regions.h"

namespace deepyeast {

struct JoinRules {
  double solidity;      // least share of the convex hull that two fragments of one cell fill together,
  double solidity_of_three;  // and three,
  double per_depth;     // and how much more for each unit of the depth of the border between them
  double per_area;      // and for each unit of `typical` that they are together larger than it,
  double typical;       // pixels of a typical cell
  double largest;       // of the largest
};

// Joins two regions that touch, or three each of which touches the others, where together they make one convex body: the more convex, the deeper the dark border may be.
// Depth is 1 - the mean signal on the border / the lower of the two regions' median signals. Returns the count.
// `zones`, if given, follow.
std::uint32_t join_fragments(Labels& labels, std::uint32_t count, const Levels& levels, const JoinRules& rules,
                             Labels* zones = nullptr);

}  // namespace deepyeast
