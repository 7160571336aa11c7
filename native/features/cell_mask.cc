// The mask of the cell: Otsu's threshold of the smoothed marker channel, with the foreground split where it is narrow. The
// cell is the part in the middle of the crop.
#include <algorithm>
#include <numeric>

#include "classic_features.h"
#include "region.h"

namespace deepyeast {
namespace {

// Two parts are merged where the neck between them is at least this share as wide as the narrower part, or is narrower than
// the part by less than so many pixels of radius.
constexpr double kNarrow = 0.75, kShallow = 1.0;
constexpr double kCentreRadius = 8;   // size / 8: the middle of the crop
constexpr double kCentreShare = 0.25; // the share of the middle that the cell covers at least

// The 3x3 binomial filter, rounded; beyond the crop, its border pixels are repeated.
std::vector<std::uint8_t> smoothed(const std::vector<std::uint8_t>& image, int size) {
  std::vector<std::uint8_t> result(image.size());
  const auto at = [&](int y, int x) {
    return image[static_cast<std::size_t>(std::clamp(y, 0, size - 1) * size + std::clamp(x, 0, size - 1))];
  };
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      int sum = 8;
      for (int dy = -1; dy <= 1; ++dy) {
        for (int dx = -1; dx <= 1; ++dx) sum += (2 - std::abs(dy)) * (2 - std::abs(dx)) * at(y + dy, x + dx);
      }
      result[static_cast<std::size_t>(y * size + x)] = static_cast<std::uint8_t>(sum / 16);
    }
  }
  return result;
}

// A watershed of the distance to the background: in descending order of that distance, pixels join the part of their
// deepest neighbour. Where two parts meet, they are merged unless the meeting point is much less deep than both.
std::vector<int> split(const std::vector<double>& distance, int size) {
  std::vector<int> order, parent(distance.size(), -1);
  for (std::size_t i = 0; i < distance.size(); ++i) {
    if (distance[i] > 0) order.push_back(static_cast<int>(i));
  }
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return distance[static_cast<std::size_t>(a)] > distance[static_cast<std::size_t>(b)];
  });
  // The root of a part is its deepest pixel.
  const auto root = [&](int i) {
    while (parent[static_cast<std::size_t>(i)] != i) {
      auto& up = parent[static_cast<std::size_t>(i)];
      up = parent[static_cast<std::size_t>(up)];
      i = up;
    }
    return i;
  };
  const auto depth = [&](int i) { return distance[static_cast<std::size_t>(i)]; };
  std::vector<int> neighbours;
  for (const int pixel : order) {
    const int y = pixel / size, x = pixel % size;
    neighbours.clear();
    int steepest = -1;
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        if (y + dy < 0 || y + dy >= size || x + dx < 0 || x + dx >= size) continue;
        const int neighbour = (y + dy) * size + x + dx;
        if (neighbour == pixel || parent[static_cast<std::size_t>(neighbour)] < 0) continue;
        neighbours.push_back(neighbour);
        if (steepest < 0 || depth(neighbour) > depth(steepest)) steepest = neighbour;
      }
    }
    parent[static_cast<std::size_t>(pixel)] = steepest < 0 ? pixel : root(steepest);
    for (const int neighbour : neighbours) {
      int deeper = root(pixel), other = root(neighbour);
      if (other == deeper) continue;
      if (depth(other) > depth(deeper)) std::swap(deeper, other);
      const double peak = depth(other), pass = depth(pixel);
      if (pass > kNarrow * peak || peak - pass < kShallow) parent[static_cast<std::size_t>(other)] = deeper;
    }
  }
  std::vector<int> parts(distance.size());
  for (const int pixel : order) parts[static_cast<std::size_t>(pixel)] = 1 + root(pixel);
  return parts;
}

bool find_cell(const std::vector<std::uint8_t>& marker, int size, Mask& mask) {
  const std::vector<std::uint8_t> image = smoothed(marker, size);
  std::array<std::uint32_t, 256> histogram{};
  for (const std::uint8_t value : image) ++histogram[value];
  const int threshold = otsu_threshold(histogram);
  if (threshold < 0) return false;
  Mask foreground(image.size());
  for (std::size_t i = 0; i < image.size(); ++i) foreground[i] = image[i] > threshold;
  fill_holes(foreground, size);
  const std::vector<int> parts = split(distance_transform(foreground, size), size);

  const double middle = (size - 1) / 2.0, radius = size / kCentreRadius;
  std::vector<int> covered(parts.size() + 1);
  int all = 0;
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      if ((y - middle) * (y - middle) + (x - middle) * (x - middle) > radius * radius) continue;
      ++covered[static_cast<std::size_t>(parts[static_cast<std::size_t>(y * size + x)])];
      ++all;
    }
  }
  covered[0] = 0;
  const auto most = std::max_element(covered.begin(), covered.end());
  if (*most < kCentreShare * all) return false;
  const auto label = static_cast<int>(most - covered.begin());
  for (std::size_t i = 0; i < parts.size(); ++i) mask[i] = parts[i] == label;
  fill_holes(mask, size);
  return true;
}

}  // namespace

CellView view_of_cell(const std::uint8_t* image, int size) {
  CellView cell;
  cell.size = size;
  const auto pixels = static_cast<std::size_t>(size) * size;
  for (int channel = 0; channel < kClassicChannels; ++channel) {
    cell.levels[channel].resize(pixels);
    cell.values[channel].resize(pixels);
    for (std::size_t i = 0; i < pixels; ++i) {
      cell.levels[channel][i] = image[i * kClassicChannels + static_cast<std::size_t>(channel)];
      cell.values[channel][i] = static_cast<float>(cell.levels[channel][i]) / 255.0f;
    }
  }
  cell.mask.resize(pixels);
  cell.whole_crop = !find_cell(cell.levels[0], size, cell.mask);
  if (cell.whole_crop) std::fill(cell.mask.begin(), cell.mask.end(), std::uint8_t{1});
  for (std::size_t i = 0; i < pixels; ++i) {
    if (cell.mask[i] == 0) continue;
    cell.pixels.push_back(static_cast<int>(i));
    cell.centre_x += static_cast<double>(i % static_cast<std::size_t>(size));
    cell.centre_y += static_cast<double>(i / static_cast<std::size_t>(size));
  }
  cell.centre_x /= static_cast<double>(cell.pixels.size());
  cell.centre_y /= static_cast<double>(cell.pixels.size());
  cell.edge_distance = distance_transform(cell.mask, size);
  return cell;
}

}  // namespace deepyeast
