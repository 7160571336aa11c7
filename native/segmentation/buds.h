// Which body is whose bud.
#pragma once

#include "regions.h"

namespace deepyeast {

// For each label (1 to count; entry 0 unused) the label of its mother, or 0. A bud is a body that touches one of at least
// twice its area, along at least a fifth of its own outline; its mother is the one it touches longest. A mother is nobody's bud.
std::vector<std::uint32_t> mothers_of(const Labels& labels, std::uint32_t count);

}  // namespace deepyeast
