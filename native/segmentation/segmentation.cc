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
#include "whole_bodies.h"

namespace deepyeast {
namespace {

constexpr double kPi = 3.14159265358979;

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

  const SegmentationRules& rules = options.rules;
  const double diameter = result.diameter, circle = kPi / 4 * diameter * diameter;
  const auto area = [&](double share) { return static_cast<std::size_t>(share * circle); };
  Labels& labels = result.labels;
  std::uint32_t& count = result.count;
  Labels zones;
  const auto drop_smaller = [&](double share) {
    const RegionPixels pixels = pixels_of_regions(labels, count);
    std::vector<bool> keep(static_cast<std::size_t>(count) + 1, false);
    for (std::uint32_t l = 1; l <= count; ++l) keep[l] = static_cast<double>(pixels.area(l)) >= share * circle;
    count = renumber(labels, count, keep, zones.size() > 0 ? &zones : nullptr);
  };

  const Signal signal = signal_of(image, diameter, rules.smoothing * diameter, options.noise_floor, bands);
  Levels levels = levels_of(signal.values, signal.noise, bands);
  const int least = static_cast<int>(16 * std::sqrt(rules.faintest));
  for (std::uint16_t& level : levels.values)
    if (level < least) level = 0;
  levels = area_closing(levels, area(rules.largest_hole));
  bands.check();

  // By intensity: bodies down to a share of their peaks, and fragments of cells joined again.
  const JoinRules join{rules.solidity, rules.neck_solidity, rules.solidity_per_depth, rules.solidity_per_area, circle, rules.largest_cell * circle};
  labels = flood(levels, {least, rules.flood_share, rules.peak_depth, 3, area(rules.seed_area)}, nullptr, &count, &zones);
  drop_smaller(rules.smallest_cell / 2);
  count = join_fragments(labels, count, levels, join, &zones);
  count = cut_at_share(labels, count, levels, rules.outline_share, &zones);
  find_whole_bodies(labels, count, zones, levels,
                    {rules.outline_share, rules.largest_spot * circle, rules.least_body * circle, 1.8 * circle, rules.body_solidity});
  count = keep_largest_parts(labels, count);
  zones = Labels();
  bands.check();

  // By shape: bodies with a neck are cut there.
  fill_enclosed(labels, area(1), nullptr);
  labels = flood(levels_of_distances(labels), {1, 0, rules.neck_depth, 1.5, area(rules.seed_area)}, &labels, &count);
  count = join_fragments(labels, count, levels, {rules.neck_solidity, rules.neck_solidity, rules.solidity_per_depth, rules.solidity_per_area, circle, join.largest});
  count = cut_at_share(labels, count, levels, rules.outline_share);
  fill_hulls(labels, count);
  count = keep_largest_parts(labels, count);
  drop_smaller(rules.smallest_cell);
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
