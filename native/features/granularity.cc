// CellProfiler's MeasureGranularity without its subsampling and background subtraction, which are for whole fields: how
// much of the cell's mean intensity is lost, in percent, with each step of eroding the crop by a cross and reconstructing
// it by dilation under the original.
#include <algorithm>
#include <deque>

#include "classic_features.h"

namespace deepyeast {
namespace {

constexpr int kSteps = 12;
using Image = std::vector<std::uint8_t>;

Image eroded(const Image& image, int size) {
  Image result(image);
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      const auto at = static_cast<std::size_t>(y * size + x);
      std::uint8_t least = image[at];
      if (y > 0) least = std::min(least, image[at - static_cast<std::size_t>(size)]);
      if (y < size - 1) least = std::min(least, image[at + static_cast<std::size_t>(size)]);
      if (x > 0) least = std::min(least, image[at - 1]);
      if (x < size - 1) least = std::min(least, image[at + 1]);
      result[at] = least;
    }
  }
  return result;
}

// Dilates `image` by the cross, never above `limit`, until nothing changes: Vincent's hybrid algorithm (1993) of two scans
// and a queue for the pixels that these leave.
void reconstruct(Image& image, const Image& limit, int size) {
  const auto grow = [&](std::size_t at, std::uint8_t from) {
    image[at] = std::min(limit[at], std::max(image[at], from));
  };
  const auto row = static_cast<std::size_t>(size);
  const std::size_t count = image.size();
  for (std::size_t at = 0; at < count; ++at) {
    if (at >= row) grow(at, image[at - row]);
    if (at % row > 0) grow(at, image[at - 1]);
  }
  std::deque<std::size_t> queue;
  const auto lags = [&](std::size_t other, std::size_t at) { return image[other] < image[at] && image[other] < limit[other]; };
  for (std::size_t at = count; at-- > 0;) {
    const bool below = at + row < count, right = at % row + 1 < row;
    if (below) grow(at, image[at + row]);
    if (right) grow(at, image[at + 1]);
    if ((below && lags(at + row, at)) || (right && lags(at + 1, at))) queue.push_back(at);
  }
  while (!queue.empty()) {
    const std::size_t at = queue.front();
    queue.pop_front();
    const auto visit = [&](std::size_t other) {
      if (!lags(other, at)) return;
      grow(other, image[at]);
      queue.push_back(other);
    };
    if (at >= row) visit(at - row);
    if (at + row < count) visit(at + row);
    if (at % row > 0) visit(at - 1);
    if (at % row + 1 < row) visit(at + 1);
  }
}

}  // namespace

void measure_granularity(const CellView& cell, FeatureRow& row) {
  const auto sum_over_cell = [&](const Image& image) {
    double sum = 0;
    for (const int pixel : cell.pixels) sum += image[static_cast<std::size_t>(pixel)];
    return sum;
  };
  for (int channel = 0; channel < kClassicChannels; ++channel) {
    const Image& original = cell.levels[channel];
    const double start = sum_over_cell(original);
    double before = start;
    Image small = original;
    for (int step = 1; step <= kSteps; ++step) {
      small = eroded(small, cell.size);
      Image grown = small;
      reconstruct(grown, original, cell.size);
      const double now = sum_over_cell(grown);
      row.add(start > 0 ? (before - now) * 100 / start : 0,
              [&] { return "Granularity_" + std::to_string(step) + "_" + kChannelNames[channel]; });
      before = now;
    }
  }
}

}  // namespace deepyeast
