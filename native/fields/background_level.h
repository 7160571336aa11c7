// What a crop is filled up with where it reaches beyond the field.
#pragma once

#include <cstdint>
#include <vector>

#include "plane.h"

namespace deepyeast {

// The median of the samples whose label is 0; where every pixel belongs to a cell, the least sample. `labels` are as many
// as samples, at least one. Throws Error("image-invalid") for a sample that is no number.
double background_level(const PlaneSamples& samples, const std::vector<std::uint32_t>& labels);

}  // namespace deepyeast
