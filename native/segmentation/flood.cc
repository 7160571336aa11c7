#include "flood.h"

#include <cmath>

namespace deepyeast {
namespace {

struct Basin {
  std::uint32_t parent;   // itself for a root
  std::uint32_t area;     // solid pixels
  std::uint16_t peak;
  std::uint16_t end;      // the level at which it stops being solid
  bool sunk;              // its pixels do not count as solid after it was joined to its parent
};

}  // namespace

Labels flood(const Levels& levels, const FloodRules& rules, const Labels* within, std::uint32_t* count,
             Labels* zones) {
  const int width = levels.width, height = levels.height;
  Labels owners(width, height, 0);  // number of the basin + 1
  std::vector<std::uint8_t> solid(levels.size(), 0);
  std::vector<Basin> basins;
  std::vector<std::uint32_t> shortcuts;  // towards the root, by path halving; the parents tell which were sunk
  const auto find = [&](std::uint32_t b) {
    while (shortcuts[b] != b) {
      shortcuts[b] = shortcuts[shortcuts[b]];
      b = shortcuts[b];
    }
    return b;
  };
  const auto positions = positions_by_falling_level(levels, rules.least);
  for (const std::uint32_t p : positions) {
    const int x = static_cast<int>(p % width), y = static_cast<int>(p / width);
    const std::uint16_t level = levels[p];
    // The basins around, and the one of the highest neighbour; sides come before corners.
    std::uint32_t around[8];
    int found = 0;
    std::uint32_t best = 0;
    int best_level = -1;
    static constexpr int kDx[8] = {0, -1, 1, 0, -1, 1, -1, 1}, kDy[8] = {-1, 0, 0, 1, -1, -1, 1, 1};
    for (int k = 0; k < 8; ++k) {
      const int nx = x + kDx[k], ny = y + kDy[k];
      if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
      const std::size_t q = static_cast<std::size_t>(ny) * width + nx;
      if (owners[q] == 0 || (within != nullptr && (*within)[q] != (*within)[p])) continue;
      const std::uint32_t root = find(owners[q] - 1);
      if (levels[q] > best_level) {
        best_level = levels[q];
        best = root;
      }
      bool known = false;
      for (int i = 0; i < found; ++i) known = known || around[i] == root;
      if (!known) around[found++] = root;
    }
    if (found == 0) {
      const std::uint32_t b = static_cast<std::uint32_t>(basins.size());
      const double end = std::sqrt(rules.share) * level;  // levels go with the root of the signal
      basins.push_back({b, 1, level, static_cast<std::uint16_t>(std::ceil(end)), false});
      shortcuts.push_back(b);
      owners[p] = b + 1;
      solid[p] = 1;
      continue;
    }
    // Those that do not stand out of the saddle become part of the highest.
    if (found > 1) {
      std::uint32_t highest = around[0];
      for (int i = 1; i < found; ++i)
        if (basins[around[i]].peak > basins[highest].peak ||
            (basins[around[i]].peak == basins[highest].peak && around[i] < highest))
          highest = around[i];
      for (int i = 0; i < found; ++i) {
        const std::uint32_t b = around[i];
        if (b == highest) continue;
        const double peak = signal_at(basins[b].peak), saddle = signal_at(level);
        const bool apart = peak - saddle >= rules.depth * peak && peak - saddle >= rules.noise && basins[b].area >= rules.area;
        if (apart) continue;
        basins[b].parent = highest;
        shortcuts[b] = highest;
        basins[b].sunk = level < basins[highest].end;
        if (!basins[b].sunk) basins[highest].area += basins[b].area;
      }
      best = find(best);
    }
    owners[p] = best + 1;
    if (level >= basins[best].end) {
      solid[p] = 1;
      ++basins[best].area;
    }
  }
  // Roots are numbered in the order of their peaks; what was sunk on the way to the root is nobody's.
  std::vector<std::uint32_t> numbers(basins.size(), 0);
  std::uint32_t next = 0;
  for (std::uint32_t b = 0; b < basins.size(); ++b)
    if (basins[b].parent == b) numbers[b] = ++next;
  std::vector<std::uint32_t> final_numbers(basins.size(), 0);
  for (std::uint32_t b = 0; b < basins.size(); ++b) {
    bool sunk = false;
    std::uint32_t root = b;
    while (basins[root].parent != root) {
      sunk = sunk || basins[root].sunk;
      root = basins[root].parent;
    }
    final_numbers[b] = sunk ? 0 : numbers[root];
  }
  Labels result(width, height, 0);
  for (std::size_t p = 0; p < levels.size(); ++p)
    if (solid[p]) result[p] = final_numbers[owners[p] - 1];
  if (zones != nullptr) {
    *zones = Labels(width, height, 0);
    for (std::size_t p = 0; p < levels.size(); ++p)
      if (owners[p] != 0) (*zones)[p] = numbers[find(owners[p] - 1)];
  }
  *count = next;
  return result;
}

}  // namespace deepyeast
