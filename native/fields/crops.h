// Crops around cells, cut from the planes of a field of view and brought to bytes.
//
// Without resampling the crop of size s begins at round(centre - (s - 1) / 2), so every pixel of a crop is a pixel of the
// field. With it (scale, in crop pixels a field pixel, other than 1) pixel i of a crop lies at
// centre + (i - (s - 1) / 2) / scale and is the mean of the field around it, weighted by a triangle that reaches
// max(1, 1 / scale) field pixels to either side: bilinear interpolation when enlarging, and when reducing the same with
// all pixels taking part, so that nothing is aliased. What lies outside the field is the plane's background.
//
// Intensities follow src/data/intensity.ts to the last bit: percentiles with linear interpolation, the noise floor, the
// rounding. Percentiles and noise are taken over the part of the crop that lies inside the field, so that padding plays
// no part in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "plane.h"

namespace deepyeast {

constexpr int kSmallestFieldCrop = 1, kLargestFieldCrop = 1024;
constexpr double kSmallestScale = 1.0 / 16, kLargestScale = 16;

struct CropGeometry {
  int width = 0, height = 0;  // of the field
  int size = 64;              // of a crop
  double scale = 1;           // crop pixels a field pixel
};

// How samples become bytes.
struct CropRule {
  enum class Kind {
    kAsStored,     // 8-bit samples as they are
    kRanges,       // a low and a high sample for each channel become 0 and 255
    kPercentiles,  // the same, from percentiles of each crop and channel
  };
  Kind kind = Kind::kPercentiles;
  std::vector<double> ranges;  // [channels, 2] for kRanges
  double low = 1, high = 99.9, noise_floor = 15, floor = 0;
};

// centres: [cells, 2], x and y in field pixels, 0 the centre of the first one.
// pixels: [cells, size, size, channels]; ranges: [cells, channels, 2], the samples that became 0 and 255 (0 and 255 for
// kAsStored).
void cut_crops(const std::vector<FieldPlane>& planes, const CropGeometry& geometry, const double* centres,
               std::size_t cells, const CropRule& rule, std::uint8_t* pixels, double* ranges);

// The samples before any rule: [cells, channels, size, size].
void cut_raw_crops(const std::vector<FieldPlane>& planes, const CropGeometry& geometry, const double* centres,
                   std::size_t cells, float* samples);

}  // namespace deepyeast
