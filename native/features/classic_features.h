// Classic features: measurements of a cell that need no network, in CellProfiler's families and, where the definition is
// the same, under its names (docs/classic-features.md). There are two channels: 0 the cytosol marker, 1 the protein.
//
// Each family is one file with one function, which adds its values to a row in a fixed order and number, always finite.
// The names come from the same calls: see FeatureRow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace deepyeast {

constexpr int kClassicChannels = 2;
constexpr int kSmallestCrop = 16, kLargestCrop = 256;
inline const char* const kChannelNames[kClassicChannels] = {"Marker", "Protein"};

// One crop, prepared for all families. Positions are y * size + x.
struct CellView {
  int size = 0;
  std::vector<std::uint8_t> levels[kClassicChannels];  // [size, size], 0 to 255
  std::vector<float> values[kClassicChannels];         // the same, 0 to 1
  std::vector<std::uint8_t> mask;                      // 1 inside the cell
  std::vector<int> pixels;                             // positions of the mask, ascending
  std::vector<double> edge_distance;                   // to the nearest pixel outside the mask; everything beyond the crop is outside
  bool whole_crop = false;                             // no centre object was found: the mask is the whole crop
  double centre_x = 0, centre_y = 0;                   // of the mask
};

// image: [size, size, 2], interleaved.
CellView view_of_cell(const std::uint8_t* image, int size);

struct FeatureName {
  std::string family, name;
};

// Collects the values of a cell, or, where `names` is given, their names.
class FeatureRow {
 public:
  explicit FeatureRow(float* values) : values_(values) {}
  explicit FeatureRow(std::vector<FeatureName>* names) : names_(names) {}

  void begin_family(const char* family) { family_ = family; }
  // `name` is called only when names are collected. A value that is not finite (0 / 0 in a flat cell) becomes 0.
  template <typename Name>
  void add(double value, const Name& name) {
    if (names_ != nullptr) {
      names_->push_back({family_, name()});
    } else {
      const bool finite = value - value == 0 && value <= 3e38 && value >= -3e38;
      values_[count_] = finite ? static_cast<float>(value) : 0.0f;
    }
    ++count_;
  }
  std::size_t count() const { return count_; }

 private:
  float* values_ = nullptr;
  std::vector<FeatureName>* names_ = nullptr;
  const char* family_ = "";
  std::size_t count_ = 0;
};

void measure_intensity(const CellView& cell, FeatureRow& row);
void measure_shape(const CellView& cell, FeatureRow& row);
void measure_bright_objects(const CellView& cell, FeatureRow& row);
void measure_texture(const CellView& cell, FeatureRow& row);
void measure_gabor(const CellView& cell, FeatureRow& row);
void measure_zernike(const CellView& cell, FeatureRow& row);
void measure_granularity(const CellView& cell, FeatureRow& row);
void measure_radial_distribution(const CellView& cell, FeatureRow& row);
void measure_colocalization(const CellView& cell, FeatureRow& row);

// Names and families in the order of the columns.
const std::vector<FeatureName>& classic_feature_names();
// images: [count, size, size, 2]; rows: [count, columns].
void classic_features(const std::uint8_t* images, std::size_t count, int size, int threads, float* rows);

}  // namespace deepyeast
