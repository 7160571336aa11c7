// Segments one field with rules other than the usual: segmentation_bench FIELD WIDTH HEIGHT LABELS [diameter=D] [rule=value ...]
// FIELD: float32 values, row by row; LABELS receives uint32. Prints cells, diameter, milliseconds. Not a test:
// bench/segmentation/sensitivity.py runs it.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "../../segmentation/segmentation.h"

using namespace deepyeast;

namespace {

double* rule_named(SegmentationRules& rules, const std::string& name) {
  if (name == "smoothing") return &rules.smoothing;
  if (name == "faintest") return &rules.faintest;
  if (name == "largest_hole") return &rules.largest_hole;
  if (name == "flood_share") return &rules.flood_share;
  if (name == "peak_depth") return &rules.peak_depth;
  if (name == "seed_area") return &rules.seed_area;
  if (name == "outline_share") return &rules.outline_share;
  if (name == "neck_depth") return &rules.neck_depth;
  if (name == "solidity") return &rules.solidity;
  if (name == "solidity_per_depth") return &rules.solidity_per_depth;
  if (name == "solidity_per_area") return &rules.solidity_per_area;
  if (name == "neck_solidity") return &rules.neck_solidity;
  if (name == "largest_spot") return &rules.largest_spot;
  if (name == "least_body") return &rules.least_body;
  if (name == "body_solidity") return &rules.body_solidity;
  if (name == "largest_cell") return &rules.largest_cell;
  if (name == "smallest_cell") return &rules.smallest_cell;
  return nullptr;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) return 2;
  const int width = std::atoi(arguments[2]), height = std::atoi(arguments[3]);
  if (width < 1 || height < 1 || width > kLargestSide || height > kLargestSide) return 2;
  Image image(width, height);
  std::FILE* file = std::fopen(arguments[1], "rb");
  if (file == nullptr || std::fread(image.values.data(), sizeof(float), image.size(), file) != image.size()) return 1;
  std::fclose(file);
  SegmentationOptions options;
  options.noise_floor = 0.29;
  double factor_of_diameter = 1;
  for (int i = 5; i < count; ++i) {
    const std::string argument = arguments[i], name = argument.substr(0, argument.find('='));
    const double value = std::atof(argument.c_str() + name.size() + 1);
    if (name == "diameter") {
      options.diameter = value;
    } else if (name == "diameter_factor") {
      factor_of_diameter = value;
    } else if (double* rule = rule_named(options.rules, name)) {
      *rule = value;
    } else {
      return 2;
    }
  }
  if (factor_of_diameter != 1) options.diameter = factor_of_diameter * segment(image, options).diameter;
  const auto start = std::chrono::steady_clock::now();
  const Segmentation found = segment(image, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%u %.3f %.1f\n", found.count, found.diameter, 1000 * seconds);
  file = std::fopen(arguments[4], "wb");
  if (file == nullptr) return 1;
  const bool written = std::fwrite(found.labels.values.data(), 4, found.labels.size(), file) == found.labels.size();
  return std::fclose(file) == 0 && written ? 0 : 1;
}
