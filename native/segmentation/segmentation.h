// Fields of view to label images: docs/segmentation.md. No training, no random numbers; the same bits for any number of
// threads.
#pragma once

#include <atomic>

#include "grid.h"

namespace deepyeast {

constexpr int kLargestSide = 32768;
constexpr std::size_t kLargestField = std::size_t{1} << 26;  // pixels

// The numbers of the method. All lengths are shares of the diameter of a typical cell, all areas of the area of the circle
// with this diameter.
struct SegmentationRules {
  double smoothing = 0.045;        // standard deviation of the Gaussian
  double faintest = 12;            // least signal of a cell, in units of the noise
  double largest_hole = 0.4;       // vacuoles up to this area are filled before anything is cut
  double flood_share = 0.48;       // bodies are followed down to this share of their peak
  double peak_depth = 0.1;         // a peak that stands above its saddle by this share of itself may be a cell of its own,
  double seed_area = 0.02;         // if its area is so large by then
  double outline_share = 0.45;     // the outline lies at this share of the cell's median level
  double neck_depth = 0.36;        // by how much of the squared distance map two parts stand above the neck between them
  double solidity = 0.88;          // two fragments are one cell where they fill so much of their common convex hull,
  double solidity_per_depth = 0.2; // and so much more for each unit of the depth of their border
  double solidity_per_area = 0.02;  // and for each typical cell that they are larger than one
  double neck_solidity = 0.93;      // the same for three fragments, and for parts that were cut at a neck
  double largest_spot = 0.5;        // a body of at most this area may be the bright spot of a dead cell,
  double least_body = 0.25;         // whose area is at least this,
  double body_solidity = 0.9;       // and which fills so much of its convex hull
  double largest_cell = 2.6;
  double smallest_cell = 0.08;
};

struct SegmentationOptions {
  double diameter = 0;       // of a typical cell in pixels, 0: measured from the image
  double noise_floor = 0;    // least standard deviation of the noise, of the image's grey levels: rounding
  bool buds_apart = true;    // false: a bud's pixels get its mother's label
  SegmentationRules rules;
  int threads = 1;
  const std::atomic<bool>* cancelled = nullptr;
};

// A bud that was found, whether or not it has a label of its own.
struct Bud {
  std::uint32_t label;   // 0: part of its mother's
  std::uint32_t mother;  // her label
  double x, y;           // centre
  std::size_t area;
};

struct Segmentation {
  Labels labels;            // 1 to count without gaps, in the order of the first pixels; each label one part joined by sides
  std::uint32_t count = 0;
  double diameter = 0;      // used
  std::vector<Bud> buds;
};

// Labels of the cells in the cytosol marker's image. Values that are not finite count as background.
// Throws Error("aborted") once options.cancelled is set.
Segmentation segment(Image image, const SegmentationOptions& options);

}  // namespace deepyeast
