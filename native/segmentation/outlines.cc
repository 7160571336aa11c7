#include "outlines.h"

#include <algorithm>
#include <cmath>

namespace deepyeast {

std::uint32_t cut_at_share(Labels& labels, std::uint32_t count, const Levels& levels, double share,
                           Labels* zones) {
  const RegionPixels pixels = pixels_of_regions(labels, count);
  std::vector<std::uint16_t> values, ends(static_cast<std::size_t>(count) + 1, 0);
  for (std::uint32_t l = 1; l <= count; ++l) {
    values.clear();
    for (const std::uint32_t* p = pixels.begin(l); p != pixels.end(l); ++p) values.push_back(levels[*p]);
    if (values.empty()) continue;
    const auto median = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), median, values.end());
    ends[l] = static_cast<std::uint16_t>(std::lround(std::sqrt(share) * *median));
    for (const std::uint32_t* p = pixels.begin(l); p != pixels.end(l); ++p)
      if (levels[*p] < ends[l]) labels[*p] = 0;
  }
  if (zones != nullptr)
    for (std::size_t p = 0; p < labels.size(); ++p) {
      const std::uint32_t zone = (*zones)[p];
      if (labels[p] == 0 && zone != 0 && levels[p] >= ends[zone] && ends[zone] > 0) labels[p] = zone;
    }
  return keep_largest_parts(labels, count, zones);
}

void fill_hulls(Labels& labels, std::uint32_t count) {
  const RegionPixels pixels = pixels_of_regions(labels, count);
  for (std::uint32_t l = 1; l <= count; ++l) {
    Extremes extremes;
    for (const std::uint32_t* p = pixels.begin(l); p != pixels.end(l); ++p)
      extremes.add(static_cast<int>(*p % labels.width), static_cast<int>(*p / labels.width));
    each_row_of(convex_hull_of(extremes), [&](int y, int first, int last) {
      std::uint32_t* row = labels.row(y);
      for (int x = first; x <= last; ++x)
        if (row[x] == 0) row[x] = l;
    });
  }
}

}  // namespace deepyeast
