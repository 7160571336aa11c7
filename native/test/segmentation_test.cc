// Segmentation of fields with planted cells, whose number and places are known; damaged and degenerate images.
#include "../segmentation/segmentation.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "../system/random.h"
#include "../segmentation/bands.h"
#include "../segmentation/distance.h"
#include "../segmentation/levels.h"
#include "../segmentation/measure.h"
#include "../segmentation/regions.h"
#include "../segmentation/smoothing.h"
#include "../system/error.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

struct Planted {
  double x, y, radius, level;
};

// Discs whose edges are blurred as by optics, on a background with a slope, with noise of standard deviation `noise`.
Image field_of(int width, int height, const std::vector<Planted>& cells, double noise) {
  Image image(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      double value = 0;
      for (const Planted& cell : cells) {
        const double inside = cell.radius - std::hypot(x - cell.x, y - cell.y);
        value = std::max(value, cell.level / (1 + std::exp(-1.6 * inside)));
      }
      // Three uniform numbers make a good enough normal one.
      const std::uint32_t p = static_cast<std::uint32_t>(y * width + x);
      const auto words = philox4x32({p, 0, 0, 0}, {7, 1});
      double sum = 0;
      for (int i = 0; i < 3; ++i) sum += words[i] / 4294967296.0 - 0.5;
      image.row(y)[x] = static_cast<float>(300 + 0.2 * x + value + 2 * noise * sum);
    }
  return image;
}

std::uint32_t label_at(const Segmentation& found, double x, double y) {
  return found.labels.row(static_cast<int>(y))[static_cast<int>(x)];
}

// Every label from 1 to count has pixels, and they are joined by sides.
void expect_well_formed(const Segmentation& found) {
  Labels copy = found.labels;
  expect(keep_largest_parts(copy, found.count) == found.count, "labels have gaps");
  expect(copy.values == found.labels.values, "a label has two parts, or labels are not in the order of their first pixels");
}

std::vector<Planted> crowd() {
  return {{40, 40, 10, 4000}, {59, 40, 10, 4000},                      // two that touch
          {120, 50, 12, 5000}, {138, 50, 6, 3000},                     // a mother and her bud
          {60, 110, 10, 900}, {82, 110, 10, 9000},                     // a dim one beside a very bright one
          {130, 120, 9, 3000}, {170, 170, 10, 4000}, {50, 170, 11, 4500}, {5, 100, 10, 4000}};
}

TEST(segmentation_finds_planted_cells) {
  const auto cells = crowd();
  const Segmentation found = segment(field_of(200, 210, cells, 15), {});
  expect(found.count == cells.size(), "found " + std::to_string(found.count) + " cells of " + std::to_string(cells.size()));
  expect_well_formed(found);
  std::vector<std::uint32_t> labels;
  const RegionPixels pixels = pixels_of_regions(found.labels, found.count);
  for (const Planted& cell : cells) {
    const std::uint32_t label = label_at(found, cell.x, cell.y);
    expect(label != 0, "no cell at " + std::to_string(cell.x) + ", " + std::to_string(cell.y));
    expect(std::find(labels.begin(), labels.end(), label) == labels.end(), "two cells have one label");
    labels.push_back(label);
    if (cell.x - cell.radius < 0) continue;
    const double expected = 3.14159 * cell.radius * cell.radius, area = static_cast<double>(pixels.area(label));
    expect(std::fabs(area - expected) < 0.3 * expected,
           "a cell of " + std::to_string(expected) + " pixels has " + std::to_string(area));
  }
  expect(std::fabs(found.diameter - 20) < 3, "the diameter is " + std::to_string(found.diameter) + ", planted 20");
}

TEST(segmentation_records_buds_by_either_policy) {
  SegmentationOptions options;
  const Image image = field_of(200, 210, crowd(), 15);
  const Segmentation apart = segment(image, options);
  options.buds_apart = false;
  const Segmentation with_mother = segment(image, options);
  expect(apart.buds.size() == 1 && with_mother.buds.size() == 1, "one bud was planted");
  expect(apart.buds[0].label == label_at(apart, 138, 50) && apart.buds[0].mother == label_at(apart, 120, 50), "not the bud");
  expect(with_mother.count == apart.count - 1, "the bud is still a cell");
  expect(with_mother.buds[0].label == 0, "the bud has no label of its own");
  expect(with_mother.buds[0].mother == label_at(with_mother, 120, 50), "not the mother");
  expect(label_at(with_mother, 138, 50) == label_at(with_mother, 120, 50), "the bud is not its mother's");
}

TEST(segmentation_fills_vacuoles) {
  Image image = field_of(200, 200, {{60, 60, 12, 4000}, {140, 60, 12, 4000}, {60, 140, 12, 4000}, {140, 140, 12, 4000}}, 15);
  for (int y = 0; y < 200; ++y)
    for (int x = 0; x < 200; ++x)
      if (std::hypot(x - 62, y - 58) < 6) image.row(y)[x] -= 3000;  // a dark hole, off the centre
  const Segmentation found = segment(image, {});
  expect(found.count == 4, std::to_string(found.count) + " cells of 4");
  expect(label_at(found, 62, 58) != 0 && label_at(found, 62, 58) == label_at(found, 53, 66), "the vacuole was cut out");
}

TEST(segmentation_takes_the_body_of_a_dead_cell) {
  auto cells = crowd();
  cells.push_back({160, 80, 10, 800});    // dim, with
  cells.push_back({157, 77, 2.5, 6000});  // a bright spot
  const Segmentation found = segment(field_of(200, 210, cells, 15), {});
  const std::uint32_t label = label_at(found, 157, 77);
  expect(label != 0 && label == label_at(found, 165, 84), "the spot was taken for the cell");
}

TEST(segmentation_is_the_same_for_any_threads_and_gain) {
  const Image image = field_of(300, 310, crowd(), 15);
  const Segmentation one = segment(image, {});
  for (const int threads : {2, 3, 5}) {
    SegmentationOptions options;
    options.threads = threads;
    const Segmentation other = segment(image, options);
    expect(other.labels.values == one.labels.values && other.diameter == one.diameter,
           "labels differ with " + std::to_string(threads) + " threads");
  }
  for (const float gain : {0.5f, 2.0f, 1.0f / 1024}) {
    Image scaled = image;
    for (float& value : scaled.values) value *= gain;
    expect(segment(scaled, {}).labels.values == one.labels.values, "labels differ with the gain " + std::to_string(gain));
  }
}

TEST(segmentation_of_degenerate_images) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const auto& [width, height] : {std::pair{0, 0}, {1, 1}, {2, 1}, {1, 3}, {5, 5}, {1000, 1}, {1, 1000}, {700, 2}, {7, 1500}})
    for (const float value : {0.0f, 65535.0f, -5.0f, nan, infinity, -infinity, 1e38f})
      for (const double diameter : {0.0, 2.0, 20.0, 30000.0}) {
        SegmentationOptions options;
        options.diameter = diameter;
        const Segmentation found = segment(Image(width, height, value), options);
        expect(found.count == 0, "cells in a constant image");
        measure(found.labels, 0, {{Image(width, height, value), 0}}, diameter, 1, nullptr);
      }
  // Damaged pixels among good ones.
  Image image = field_of(200, 210, crowd(), 15);
  for (const std::size_t p : {0u, 777u, 20000u}) image[p] = nan;
  image[41999] = infinity;
  const Segmentation found = segment(image, {});
  expect_well_formed(found);
  expect(found.count >= crowd().size() - 1, "damaged pixels hide the cells");
}

TEST(segmentation_of_noise_alone_is_well_formed) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const int width = 16 + static_cast<int>(seed) * 7, height = 200 - static_cast<int>(seed) * 9;
    Image image(width, height);
    for (std::size_t p = 0; p < image.size(); ++p) {
      const auto words = philox4x32({static_cast<std::uint32_t>(p), seed, 0, 0}, {3, 4});
      image[p] = static_cast<float>(words[0] >> (words[1] & 31));  // many magnitudes
    }
    SegmentationOptions options;
    options.diameter = seed % 2 == 0 ? 0 : 6 + seed;
    const Segmentation found = segment(image, options);
    expect_well_formed(found);
    measure(found.labels, found.count, {{image, 0}}, found.diameter, 1, nullptr);
  }
}

TEST(segmentation_can_be_cancelled) {
  std::atomic<bool> cancelled{true};
  SegmentationOptions options;
  options.cancelled = &cancelled;
  bool thrown = false;
  try {
    segment(field_of(200, 210, crowd(), 15), options);
  } catch (const Error& error) {
    thrown = std::string(error.code()) == "aborted";
  }
  expect(thrown, "a cancelled segmentation went on");
}

TEST(area_closing_fills_small_minima_only) {
  Levels levels(9, 9, 100);
  levels.row(2)[2] = 10;
  for (int y = 5; y < 8; ++y)
    for (int x = 5; x < 8; ++x) levels.row(y)[x] = 20;
  const Levels closed = area_closing(levels, 4);
  expect(closed.row(2)[2] == 100, "a minimum of one pixel stays");
  expect(closed.row(6)[6] == 20, "a minimum of nine pixels was filled");
}

TEST(van_herk_agrees_with_the_definition) {
  Image image(23, 17);
  for (std::size_t p = 0; p < image.size(); ++p)
    image[p] = static_cast<float>(philox4x32({static_cast<std::uint32_t>(p), 1, 0, 0}, {5, 6})[0] % 1000);
  for (const int radius : {1, 2, 5, 20}) {
    const Image least = erosion(image, radius), greatest = dilation(image, radius);
    for (int y = 0; y < image.height; ++y)
      for (int x = 0; x < image.width; ++x) {
        float low = 1e9f, high = -1e9f;
        for (int v = std::max(0, y - radius); v <= std::min(image.height - 1, y + radius); ++v)
          for (int u = std::max(0, x - radius); u <= std::min(image.width - 1, x + radius); ++u) {
            low = std::min(low, image.row(v)[u]);
            high = std::max(high, image.row(v)[u]);
          }
        expect(least.row(y)[x] == low && greatest.row(y)[x] == high, "wrong extreme of a window");
      }
  }
}

TEST(distances_are_nearly_euclidean) {
  Labels labels(61, 61, 0);
  for (int y = 0; y < 61; ++y)
    for (int x = 0; x < 61; ++x)
      if (std::hypot(x - 30, y - 30) < 25) labels.row(y)[x] = 1;
  const Image distances = distance_in_regions(labels);
  expect(std::fabs(distances.row(30)[30] - 25) < 0.6, "the centre of a disc of radius 25 is " + std::to_string(distances.row(30)[30]) + " from its edge");
}

TEST(hull_counts_pixels) {
  Extremes extremes;
  for (const auto& [x, y] : {std::pair{0, 0}, {4, 0}, {0, 3}, {4, 3}}) extremes.add(x, y);
  expect(pixels_in(convex_hull_of(extremes)) == 20, "a rectangle of 5 x 4 pixels");
  int counted = 0;
  each_row_of(convex_hull_of(extremes), [&](int, int first, int last) { counted += last - first + 1; });
  expect(counted == 20, "rows of the rectangle");
  Extremes single;
  single.add(7, 9);
  expect(pixels_in(convex_hull_of(single)) == 1, "one pixel");
}

}  // namespace
