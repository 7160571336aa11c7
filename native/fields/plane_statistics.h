// What is asked of a plane before cells are cut from it.
#pragma once

#include <cstdint>
#include <vector>

#include "plane.h"

namespace deepyeast {

struct PlaneStatistics {
  bool finite = true;  // whether all samples are numbers; where not, nothing else is measured
  double minimum = 0, maximum = 0;
  std::size_t at_maximum = 0;  // samples of that value
  // The median of the samples whose label is 0; where every pixel belongs to a cell, the minimum.
  double background = 0;
};

// labels: as many as samples, or none: then every sample is background.
PlaneStatistics plane_statistics(const PlaneSamples& samples, const std::vector<std::uint32_t>& labels);

}  // namespace deepyeast
