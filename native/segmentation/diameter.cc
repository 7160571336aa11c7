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

double measured_at_full_size(const Image& image, double noise_floor, const Bands& bands) {
  // Nothing is known of the scale yet: the field is taken to be at least sixteen cells across.
  const double largest = std::min(image.width, image.height) / 16.0;
  const Signal signal = signal_of(image, std::max(8.0, largest), 1, noise_floor, bands);
  const int least = 16 * 4;  // sixteen times the noise
  Levels levels = levels_of(signal.values, signal.noise, bands);
  std::uint32_t count = 0;
  Labels labels = flood(levels, {least, 0.5, 0.3, 3, 4}, nullptr, &count);
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

// Means of 2 x 2 pixels.
Image half_size(const Image& image) {
  Image result(image.width / 2, image.height / 2);
  for (int y = 0; y < result.height; ++y) {
    const float* above = image.row(2 * y);
    const float* below = image.row(2 * y + 1);
    float* out = result.row(y);
    for (int x = 0; x < result.width; ++x) out[x] = (above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1]) / 4;
  }
  return result;
}

}  // namespace

double measured_diameter(const Image& image, double noise_floor, const Bands& bands) {
  constexpr int kLargeSide = 512;         // fields from here on are measured at half their size, four times as fast,
  constexpr double kSmallestHalved = 8;   // where cells are at least so large at that
  if (std::min(image.width, image.height) >= kLargeSide) {
    const double halved = measured_diameter(half_size(image), noise_floor / 2, bands);
    if (halved >= kSmallestHalved) return 2 * halved;
  }
  return measured_at_full_size(image, noise_floor, bands);
}

}  // namespace deepyeast
