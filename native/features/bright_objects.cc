// The bright objects in a cell, for each channel: connected pixels (by sides or corners) above Otsu's threshold of the
// cell's own pixels. The unit of length is the radius of the disc with the cell's area, so that large and small cells can
// be compared.
#include <algorithm>
#include <cmath>
#include <limits>

#include "classic_features.h"
#include "region.h"

namespace deepyeast {
namespace {

constexpr double kSmallest = 3;  // pixels of an object

struct Spread {
  double least = 0, mean = 0, most = 0, deviation = 0;
};

Spread spread_of(const std::vector<double>& values) {
  Spread result;
  if (values.empty()) return result;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) result.mean += value / count;
  for (const double value : values) result.deviation += (value - result.mean) * (value - result.mean) / count;
  result.deviation = std::sqrt(result.deviation);
  result.least = *std::min_element(values.begin(), values.end());
  result.most = *std::max_element(values.begin(), values.end());
  return result;
}

// The Euler number for 8-connectivity, that is components less holes, by Gray's counts of 2x2 windows.
double euler_number(const Mask& mask, int size) {
  const auto in = [&](int y, int x) {
    return y >= 0 && y < size && x >= 0 && x < size && mask[static_cast<std::size_t>(y * size + x)] != 0 ? 1 : 0;
  };
  int one = 0, three = 0, diagonal = 0;
  for (int y = 0; y <= size; ++y) {
    for (int x = 0; x <= size; ++x) {
      const int a = in(y - 1, x - 1), b = in(y - 1, x), c = in(y, x - 1), d = in(y, x);
      const int sum = a + b + c + d;
      one += sum == 1;
      three += sum == 3;
      diagonal += sum == 2 && a == d;
    }
  }
  return (one - three - 2 * diagonal) / 4.0;
}

}  // namespace

void measure_bright_objects(const CellView& cell, FeatureRow& row) {
  constexpr double kPi = 3.14159265358979323846;
  const auto cell_area = static_cast<double>(cell.pixels.size());
  const double cell_radius = std::sqrt(cell_area / kPi);
  for (int channel = 0; channel < kClassicChannels; ++channel) {
    std::array<std::uint32_t, 256> histogram{};
    double total = 0, squares = 0;
    for (const int pixel : cell.pixels) {
      const std::uint8_t level = cell.levels[channel][static_cast<std::size_t>(pixel)];
      ++histogram[level];
      total += level;
      squares += static_cast<double>(level) * level;
    }
    const int threshold = otsu_threshold(histogram);
    Mask bright(cell.mask.size());
    double above = 0, above_sum = 0;
    for (const int pixel : cell.pixels) {
      const auto at = static_cast<std::size_t>(pixel);
      if (threshold < 0 || cell.levels[channel][at] <= threshold) continue;
      bright[at] = 1;
      above += 1;
      above_sum += cell.levels[channel][at];
    }
    const double mean_above = above > 0 ? above_sum / above : 0;
    const double mean_below = above < cell_area ? (total - above_sum) / (cell_area - above) : 0;
    const double variance = squares / cell_area - (total / cell_area) * (total / cell_area);
    const double between =
        above / cell_area * (1 - above / cell_area) * (mean_above - mean_below) * (mean_above - mean_below);

    int parts = 0;
    const std::vector<int> labels = connected_components(bright, cell.size, &parts);
    std::vector<double> areas, eccentricities, solidities, form_factors, centre_distances, edge_distances;
    std::vector<Point> centres;
    RegionShape largest;
    Mask objects(bright.size());
    for (int part = 1; part <= parts; ++part) {
      if (std::count(labels.begin(), labels.end(), part) < kSmallest) continue;
      Mask object(bright.size());
      double edge = 0;
      for (std::size_t i = 0; i < object.size(); ++i) {
        object[i] = labels[i] == part;
        if (object[i] == 0) continue;
        objects[i] = 1;
        edge += cell.edge_distance[i];
      }
      const RegionShape shape = region_shape(object, cell.size);
      if (shape.area > largest.area) largest = shape;
      areas.push_back(shape.area / cell_area);
      eccentricities.push_back(shape.eccentricity);
      solidities.push_back(shape.solidity);
      form_factors.push_back(shape.form_factor);
      centre_distances.push_back(std::hypot(shape.centre_x - cell.centre_x, shape.centre_y - cell.centre_y) /
                                 cell_radius);
      edge_distances.push_back(edge / shape.area / cell_radius);
      centres.push_back({shape.centre_x, shape.centre_y});
    }
    std::vector<double> nearest;
    for (std::size_t i = 0; i < centres.size() && centres.size() > 1; ++i) {
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t j = 0; j < centres.size(); ++j) {
        if (j != i) least = std::min(least, std::hypot(centres[i].x - centres[j].x, centres[i].y - centres[j].y));
      }
      nearest.push_back(least / cell_radius);
    }
    const RegionShape together = region_shape(objects, cell.size);
    const Spread area = spread_of(areas), centre = spread_of(centre_distances), edge = spread_of(edge_distances);
    const auto add = [&](const char* name, double value) {
      row.add(value, [&] { return std::string("Objects_") + name + "_" + kChannelNames[channel]; });
    };
    add("Count", static_cast<double>(areas.size()));
    add("Threshold", std::max(threshold, 0) / 255.0);
    add("Separability", variance > 0 ? between / variance : 0);
    add("Contrast", above > 0 ? (mean_above - mean_below) / 255.0 : 0);
    add("IntensityShare", total > 0 ? above_sum / total : 0);
    add("AreaShare", together.area / cell_area);
    add("AreaMean", area.mean);
    add("AreaMax", area.most);
    add("AreaStd", area.deviation);
    add("LargestShare", together.area > 0 ? largest.area / together.area : 0);
    add("LargestEccentricity", largest.eccentricity);
    add("LargestSolidity", largest.solidity);
    add("LargestFormFactor", largest.form_factor);
    add("EccentricityMean", spread_of(eccentricities).mean);
    add("SolidityMean", spread_of(solidities).mean);
    add("FormFactorMean", spread_of(form_factors).mean);
    add("CentreDistanceMin", centre.least);
    add("CentreDistanceMean", centre.mean);
    add("CentreDistanceMax", centre.most);
    add("CentreDistanceStd", centre.deviation);
    add("EdgeDistanceMin", edge.least);
    add("EdgeDistanceMean", edge.mean);
    add("EdgeDistanceMax", edge.most);
    add("NeighbourDistanceMean", spread_of(nearest).mean);
    add("EulerNumber", euler_number(objects, cell.size));
    add("HullShare", together.convex_area / cell_area);
  }
}

}  // namespace deepyeast
