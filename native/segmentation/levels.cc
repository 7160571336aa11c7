#include "levels.h"

#include <cmath>

namespace deepyeast {

Levels levels_of(const Image& signal, double noise, const Bands& bands) {
  Levels result(signal.width, signal.height);
  const float scale = static_cast<float>(256 / noise);
  bands.over(signal.height, [&](int first, int last) {
    for (int y = first; y < last; ++y) {
      const float* line = signal.row(y);
      std::uint16_t* out = result.row(y);
      for (int x = 0; x < signal.width; ++x) {
        const float value = std::sqrt(std::max(line[x], 0.0f) * scale) + 0.5f;
        out[x] = static_cast<std::uint16_t>(std::min(value, 65535.0f));
      }
    }
  });
  return result;
}

std::vector<std::uint32_t> positions_by_falling_level(const Levels& levels, int least) {
  std::vector<std::uint32_t> begins(65537, 0);
  for (const std::uint16_t level : levels.values) ++begins[level];
  std::uint32_t before = 0;
  for (int level = 65535; level >= least; --level) {
    const std::uint32_t count = begins[level];
    begins[level] = before;
    before += count;
  }
  std::vector<std::uint32_t> positions(before);
  for (std::size_t p = 0; p < levels.size(); ++p)
    if (levels[p] >= least) positions[begins[levels[p]]++] = static_cast<std::uint32_t>(p);
  return positions;
}

Levels area_closing(const Levels& levels, std::size_t area) {
  if (area == 0 || levels.size() == 0) return levels;
  const int width = levels.width, height = levels.height;
  const std::size_t count = levels.size();
  std::vector<std::uint32_t> order = positions_by_falling_level(levels, 0);
  // Each pixel's parent in the tree of dark components; a root's own entry is itself. areas: of a root's component, or
  // more than `area` once it may not be raised any further.
  constexpr std::uint32_t kNone = 0xffffffffu;
  std::vector<std::uint32_t> parents(count, kNone), areas(count, 0);
  const auto find = [&](std::uint32_t p) {
    while (parents[p] != p) {
      parents[p] = parents[parents[p]];
      p = parents[p];
    }
    return p;
  };
  const std::uint32_t limit = static_cast<std::uint32_t>(std::min<std::size_t>(area, 0x7fffffff));
  for (std::size_t i = count; i-- > 0;) {  // by rising level
    const std::uint32_t p = order[i];
    parents[p] = p;
    areas[p] = 1;
    const int x = static_cast<int>(p % width), y = static_cast<int>(p / width);
    const auto join = [&](std::uint32_t q) {
      if (parents[q] == kNone) return;
      const std::uint32_t root = find(q);
      if (root == p) return;
      if (levels[root] == levels[p] || areas[root] <= limit) {
        parents[root] = p;
        areas[p] = areas[root] > limit || areas[p] > limit ? limit + 1 : areas[p] + areas[root];
      } else {
        areas[p] = limit + 1;
      }
    };
    if (x > 0) join(p - 1);
    if (x + 1 < width) join(p + 1);
    if (y > 0) join(p - width);
    if (y + 1 < height) join(p + width);
  }
  Levels result(width, height);
  for (const std::uint32_t p : order) result[p] = parents[p] == p ? levels[p] : result[parents[p]];
  return result;
}

}  // namespace deepyeast
