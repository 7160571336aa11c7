// CellProfiler's MeasureObjectSizeShape of the cell.
#include <algorithm>
#include <cmath>

#include "classic_features.h"
#include "region.h"

namespace deepyeast {

void measure_shape(const CellView& cell, FeatureRow& row) {
  constexpr double kPi = 3.14159265358979323846;
  const RegionShape shape = region_shape(cell.mask, cell.size);
  std::vector<double> radii;
  double sum = 0;
  for (const int pixel : cell.pixels) {
    radii.push_back(cell.edge_distance[static_cast<std::size_t>(pixel)]);
    sum += radii.back();
  }
  std::sort(radii.begin(), radii.end());
  const std::size_t half = radii.size() / 2;
  const double median = radii.size() % 2 == 1 ? radii[half] : (radii[half - 1] + radii[half]) / 2;
  const auto add = [&](const char* name, double value) {
    row.add(value, [&] { return std::string("AreaShape_") + name; });
  };
  add("Area", shape.area);
  add("Perimeter", shape.perimeter);
  add("FormFactor", shape.form_factor);
  add("Compactness", shape.form_factor > 0 ? 1 / shape.form_factor : 0);
  add("Eccentricity", shape.eccentricity);
  add("Solidity", shape.solidity);
  add("Extent", shape.extent);
  add("ConvexArea", shape.convex_area);
  add("BoundingBoxArea", shape.bounding_box_area);
  add("EquivalentDiameter", std::sqrt(4 * shape.area / kPi));
  add("MajorAxisLength", shape.major_axis);
  add("MinorAxisLength", shape.minor_axis);
  add("Orientation", shape.orientation * 180 / kPi);
  add("MaxFeretDiameter", shape.max_feret);
  add("MinFeretDiameter", shape.min_feret);
  add("MaximumRadius", radii.back());
  add("MeanRadius", sum / static_cast<double>(radii.size()));
  add("MedianRadius", median);
  add("Center_X", shape.centre_x);
  add("Center_Y", shape.centre_y);
  for (std::size_t i = 0; i < shape.hu.size(); ++i) {
    row.add(shape.hu[i], [&] { return "AreaShape_HuMoment_" + std::to_string(i); });
  }
}

}  // namespace deepyeast
