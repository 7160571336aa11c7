#include "buds.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace deepyeast {

std::vector<std::uint32_t> mothers_of(const Labels& labels, std::uint32_t count) {
  std::vector<std::size_t> areas(static_cast<std::size_t>(count) + 1, 0), outlines(areas.size(), 0);
  std::unordered_map<std::uint64_t, std::size_t> contacts;  // sides of pixels of the first that lie on the second
  const int width = labels.width, height = labels.height;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const std::uint32_t label = labels.row(y)[x];
      if (label == 0) continue;
      ++areas[label];
      const auto look = [&](int nx, int ny) {
        if (nx < 0 || ny < 0 || nx >= width || ny >= height) return;
        const std::uint32_t other = labels.row(ny)[nx];
        if (other == label) return;
        ++outlines[label];
        // A gap of one pixel is still contact: outlines are drawn on the steepest slope.
        if (other != 0) ++contacts[(static_cast<std::uint64_t>(label) << 32) | other];
      };
      look(x - 1, y);
      look(x + 1, y);
      look(x, y - 1);
      look(x, y + 1);
    }
  std::vector<std::vector<std::pair<std::uint32_t, std::size_t>>> touched(areas.size());
  for (const auto& [pair, sides] : contacts)
    touched[pair >> 32].push_back({static_cast<std::uint32_t>(pair), sides});
  // The large bodies first, so that it is known of a body whether it is a bud before others look for a mother.
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 1);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return areas[a] > areas[b]; });
  std::vector<std::uint32_t> mothers(areas.size(), 0);
  for (const std::uint32_t label : order) {
    std::size_t longest = 0;
    for (const auto& [other, sides] : touched[label]) {
      if (2 * areas[label] > areas[other] || mothers[other] != 0 || 10 * sides < outlines[label]) continue;
      if (sides < longest || (sides == longest && mothers[label] != 0 && other > mothers[label])) continue;
      longest = sides;
      mothers[label] = other;
    }
  }
  return mothers;
}

}  // namespace deepyeast
