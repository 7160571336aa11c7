#include "distance.h"

namespace deepyeast {

Image distance_in_regions(const Labels& labels) {
  const int width = labels.width, height = labels.height;
  Grid<int> distances(width, height, 0);
  constexpr int kFar = 1 << 28;
  for (std::size_t p = 0; p < labels.size(); ++p)
    if (labels[p] != 0) distances[p] = kFar;
  // The knight's moves as well: half of the sixteen neighbours in each of two passes.
  struct Move {
    int dx, dy, cost;
  };
  static constexpr Move kMoves[8] = {{-1, 0, 5}, {0, -1, 5}, {-1, -1, 7}, {1, -1, 7}, {-2, -1, 11}, {2, -1, 11}, {-1, -2, 11}, {1, -2, 11}};
  const auto relax = [&](int x, int y, int sign) {
    const std::size_t p = static_cast<std::size_t>(y) * width + x;
    if (labels[p] == 0) return;
    int best = distances[p];
    for (const Move& move : kMoves) {
      const int nx = x + sign * move.dx, ny = y + sign * move.dy;
      if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
      const std::size_t q = static_cast<std::size_t>(ny) * width + nx;
      const int there = labels[q] == labels[p] ? distances[q] : 0;
      if (there + move.cost < best) best = there + move.cost;
    }
    distances[p] = best;
  };
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) relax(x, y, 1);
  for (int y = height - 1; y >= 0; --y)
    for (int x = width - 1; x >= 0; --x) relax(x, y, -1);
  Image result(width, height);
  for (std::size_t p = 0; p < labels.size(); ++p)
    result[p] = static_cast<float>(distances[p] >= kFar / 2 ? std::max(width, height) : distances[p] / 5.0);
  return result;
}

}  // namespace deepyeast
