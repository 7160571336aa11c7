// Fields of view to label images: docs/segmentation.md. No training, no random numbers; the same bits for any number of
// threads.
#pragma once

#include <atomic>

#include "grid.h"

namespace deepyeast {

constexpr int kLargestSide = 32768;
constexpr std::size_t kLargestField = std::size_t{1} << 26;  // pixels

struct SegmentationOptions {
  double diameter = 0;       // of a typical cell in pixels, 0: measured from the image
  double noise_floor = 0;    // least standard deviation of the noise, of the image's grey levels: rounding
  bool buds_apart = true;    // false: a bud's pixels get its mother's label
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
