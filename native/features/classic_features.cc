#include "classic_features.h"

#include "../system/error.h"
#include "../system/thread_pool.h"

namespace deepyeast {
namespace {

void measure(const CellView& cell, FeatureRow& row) {
  row.begin_family("Mask");
  row.add(cell.whole_crop ? 1 : 0, [] { return std::string("Mask_IsWholeCrop"); });
  row.begin_family("Intensity");
  measure_intensity(cell, row);
  row.begin_family("AreaShape");
  measure_shape(cell, row);
  row.begin_family("Objects");
  measure_bright_objects(cell, row);
  row.begin_family("Texture");
  measure_texture(cell, row);
  row.begin_family("Gabor");
  measure_gabor(cell, row);
  row.begin_family("Zernike");
  measure_zernike(cell, row);
  row.begin_family("Granularity");
  measure_granularity(cell, row);
  row.begin_family("Radial");
  measure_radial_distribution(cell, row);
  row.begin_family("Correlation");
  measure_colocalization(cell, row);
}

}  // namespace

const std::vector<FeatureName>& classic_feature_names() {
  static const std::vector<FeatureName> names = [] {
    const std::vector<std::uint8_t> flat(kSmallestCrop * kSmallestCrop * kClassicChannels);
    std::vector<FeatureName> collected;
    FeatureRow row(&collected);
    measure(view_of_cell(flat.data(), kSmallestCrop), row);
    return collected;
  }();
  return names;
}

void classic_features(const std::uint8_t* images, std::size_t count, int size, int threads, float* rows) {
  const std::size_t columns = classic_feature_names().size();
  const std::size_t bytes = static_cast<std::size_t>(size) * size * kClassicChannels;
  ThreadPool::shared()->parallel_for(count, threads, [&](std::size_t i, int) {
    FeatureRow row(rows + i * columns);
    measure(view_of_cell(images + i * bytes, size), row);
    if (row.count() != columns) throw Error("internal", "a cell has another number of classic features");
  });
}

}  // namespace deepyeast
