#include "diameter.h"

#include <cmath>

#include "distance.h"
#include "flood.h"
#include "regions.h"
#include "signal.h"

namespace deepyeast {
namespace {

// Cells are ellipses, half as wide again as their inscribed circle where they are long, and the bodies found here end at half of
// their peak: diameters of the circle of the same area in the radius of the inscribed one.
constexpr double kDiameters = 2.25;

}  // namespace

double measured_diameter(const Image& image, double noise_floor, const Bands& bands) {
  // Nothing is known of the scale yet: the field is taken to be at least sixteen cells across.
  const double largest = std::min(image.width, image.height) / 16.0;
  const Signal signal = signal_of(image, std::max(8.0, largest), 1, noise_floor, bands);
  const int least = 16 * 4;  // sixteen times the noise
  Levels levels = levels_of(signal.values, signal.noise, bands);
  std::uint32_t count = 0;
  Labels labels = flood(levels, {least, 0.5, 0.4, 3, 4}, nullptr, &count);
  fill_enclosed(labels, image.size() / 16, nullptr);
  const Image distances = distance_in_regions(labels);
  std::vector<float> radii(static_cast<std::size_t>(count) + 1, 0);
  std::vector<std::size_t> areas(radii.size(), 0);
  for (std::size_t p = 0; p < labels.size(); ++p) {
    if (labels[p] == 0) continue;
    ++areas[labels[p]];
    radii[labels[p]] = std::max(radii[labels[p]], distances[p]);
  }
  std::vector<std::pair<float, std::size_t>> bodies;
  std::size_t total = 0;
  for (std::uint32_t l = 1; l <= count; ++l)
    if (radii[l] >= 1.5f && radii[l] < image.width / 2.0f) {
      bodies.push_back({radii[l], areas[l]});
      total += areas[l];
    }
  std::sort(bodies.begin(), bodies.end());
  std::size_t below = 0;
  for (const auto& [radius, area] : bodies) {
    below += area;
    if (2 * below >= total) return kDiameters * radius;
  }
  return 0;
}

}  // namespace deepyeast
