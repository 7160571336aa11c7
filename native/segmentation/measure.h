// Measurements of the cells of a label image, and of the field: docs/segmentation.md has the formulas.
#pragma once

#include <atomic>

#include "grid.h"

namespace deepyeast {

enum CellFlag : std::uint32_t {
  kBorder = 1,
  kDead = 2,
  kOutOfFocus = 4,
  kSaturated = 8,
  kMerged = 16,
  kOverlapped = 32,
};

struct ChannelIntensity {
  double mean = 0, integrated = 0, background = 0;
};

struct CellMeasurement {
  double x = 0, y = 0;  // centre, in pixels; the first pixel's is 0
  std::size_t area = 0;
  double major_axis = 0, minor_axis = 0;
  double solidity = 0, level = 0, sharpness = 0, texture = 0, contact = 0;
  std::uint32_t bud_of = 0, flags = 0;
  std::vector<ChannelIntensity> intensities;  // one a channel
};

struct FieldMeasurement {
  double focus = 0, background = 0, covered = 0, saturated = 0;
};

struct Measurements {
  std::vector<CellMeasurement> cells;  // of label 1, 2, ...
  FieldMeasurement field;
};

struct MeasureChannel {
  Image image;
  double saturation = 0;  // grey level from which a pixel is saturated; 0: none is
};

// The grey level from which a pixel of integers is saturated: the image's greatest, where it is 2^n - 1 for n = 8, 10, 11, 12,
// 14, 15 or 16, as a converter or a file gives at its end; else 0.
double saturation_of(const Image& image);

// channels: the marker first; all of the labels' size. diameter: of a typical cell; 0: the median of the labels'.
// Labels are 1 to count; some may be missing, their rows have area 0.
Measurements measure(const Labels& labels, std::uint32_t count, std::vector<MeasureChannel> channels, double diameter,
                     int threads, const std::atomic<bool>* cancelled);

}  // namespace deepyeast
