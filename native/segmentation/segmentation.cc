#include "segmentation.h"

#include <cmath>

#include "bands.h"
#include "buds.h"
#include "diameter.h"
#include "distance.h"
#include "flood.h"
#include "fragments.h"
#include "outlines.h"
#include "regions.h"
#include "signal.h"

namespace deepyeast {
namespace {

constexpr double kPi = 3.14159265358979;

// All lengths are shares of the cells' diameter, all areas of the circle's with this diameter.
constexpr double kSmoothing = 0.05;        // standard deviation of the Gaussian
constexpr double kFaintest = 6;            // least signal of a cell, in units of the noise
constexpr double kLargestHole = 0.4;       // vacuoles up to this area are filled before anything is cut
constexpr double kFloodShare = 0.4;        // bodies are followed down to this share of their peak
constexpr double kPeakDepth = 0.1;         // a peak this much above its saddle may be a cell of its own
constexpr double kSeedArea = 0.02;         // and is at least so large by then
constexpr double kOutlineShare = 0.45;     // the outline lies at this share of the cell's median level
constexpr double kNeckDepth = 0.36;        // of the squared distance map: a neck of 0.8 of the smaller radius
constexpr double kFragmentSolidity = 0.88, kSolidityPerDepth = 0.2;
constexpr double kLargestCell = 2.6;
constexpr double kSmallestCell = 0.08;

Levels levels_of_distances(const Labels& labels) {
  const Image distances = distance_in_regions(labels);
  Levels levels(labels.width, labels.height);
  for (std::size_t p = 0; p < labels.size(); ++p)
    levels[p] = static_cast<std::uint16_t>(std::min(65535.0f, 16 * distances[p]));
  return levels;
}

}  // namespace

Segmentation segment(Image image, const SegmentationOptions& options) {
  const Bands bands(options.threads, options.cancelled);
  Segmentation result;
  result.labels = Labels(image.width, image.height, 0);
  result.diameter = options.diameter;
  if (image.size() == 0) return result;
  make_finite(image);
  if (!(result.diameter > 0)) result.diameter = measured_diameter(image, options.noise_floor, bands);
  if (!(result.diameter > 0)) return result;
  bands.check();

  const double diameter = result.diameter, circle = kPi / 4 * diameter * diameter;
  const auto area = [&](double share) { return static_cast<std::size_t>(share * circle); };
  Labels& labels = result.labels;
  std::uint32_t& count = result.count;
  const auto drop_smaller = [&](double share) {
    const RegionPixels pixels = pixels_of_regions(labels, count);
    std::vector<bool> keep(static_cast<std::size_t>(count) + 1, false);
    for (std::uint32_t l = 1; l <= count; ++l) keep[l] = static_cast<double>(pixels.area(l)) >= share * circle;
    count = renumber(labels, count, keep);
  };

  const Signal signal = signal_of(image, diameter, kSmoothing * diameter, options.noise_floor, bands);
  Levels levels = levels_of(signal.values, signal.noise, bands);
  const int least = static_cast<int>(16 * std::sqrt(kFaintest));
  for (std::uint16_t& level : levels.values)
    if (level < least) level = 0;
  levels = area_closing(levels, area(kLargestHole));
  bands.check();

  // By intensity: bodies down to a share of their peaks, and fragments of cells joined again.
  const JoinRules join{kFragmentSolidity, kSolidityPerDepth, kLargestCell * circle};
  labels = flood(levels, {least, kFloodShare, kPeakDepth, 3, area(kSeedArea)}, nullptr, &count);
  drop_smaller(kSmallestCell / 2);
  count = join_fragments(labels, count, levels, join);
  count = cut_at_share(labels, count, levels, kOutlineShare);
  bands.check();

  // By shape: bodies with a neck are cut there.
  fill_enclosed(labels, area(1), nullptr);
  labels = flood(levels_of_distances(labels), {1, 0, kNeckDepth, 1.5, area(kSeedArea)}, &labels, &count);
  count = join_fragments(labels, count, levels, join);
  count = cut_at_share(labels, count, levels, kOutlineShare);
  fill_hulls(labels, count);
  count = keep_largest_parts(labels, count);
  drop_smaller(kSmallestCell);
  bands.check();

  const auto mothers = mothers_of(labels, count);
  const RegionPixels pixels = pixels_of_regions(labels, count);
  std::vector<std::uint32_t> numbers(mothers.size(), 0);
  for (std::uint32_t l = 1; l <= count; ++l) {
    if (mothers[l] == 0) continue;
    double x = 0, y = 0;
    for (const std::uint32_t* p = pixels.begin(l); p != pixels.end(l); ++p) {
      x += *p % static_cast<std::uint32_t>(labels.width);
      y += *p / static_cast<std::uint32_t>(labels.width);
    }
    const double n = static_cast<double>(pixels.area(l));
    result.buds.push_back({l, mothers[l], x / n, y / n, pixels.area(l)});
  }
  if (!options.buds_apart) {
    // Positions of the mothers are remembered by one of their pixels, since renumbering follows the first pixels.
    std::vector<std::uint32_t> pixel_of_mother;
    for (Bud& bud : result.buds) {
      pixel_of_mother.push_back(*pixels.begin(bud.mother));
      bud.label = 0;
    }
    for (auto& label : labels.values)
      if (mothers[label] != 0) label = mothers[label];
    count = renumber(labels, count, std::vector<bool>(mothers.size(), true));
    for (std::size_t i = 0; i < result.buds.size(); ++i) result.buds[i].mother = labels[pixel_of_mother[i]];
  }
  return result;
}

}  // namespace deepyeast
