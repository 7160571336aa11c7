#include "background.h"

#include <cmath>

#include "smoothing.h"

namespace deepyeast {
namespace {

// Where pixel p of a line lies between the centres of blocks of `block` pixels.
struct Between {
  int first, second;
  float share;  // of the second
};

std::vector<Between> between_blocks(int pixels, int block, int blocks) {
  std::vector<Between> result(pixels);
  for (int p = 0; p < pixels; ++p) {
    const double position = std::min(std::max((p + 0.5) / block - 0.5, 0.0), blocks - 1.0);
    const int first = std::min(static_cast<int>(position), std::max(0, blocks - 2));
    result[p] = {first, std::min(first + 1, blocks - 1), static_cast<float>(position - first)};
  }
  return result;
}

}  // namespace

double quantile_of(std::vector<float>& values, double quantile) {
  if (values.empty()) return 0;
  const std::size_t position = static_cast<std::size_t>(quantile * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(position), values.end());
  return values[position];
}

Image background_of(const Image& image, double diameter) {
  const int block = std::max(1, static_cast<int>(std::lround(diameter / 4)));
  const int across = (image.width + block - 1) / block, down = (image.height + block - 1) / block;
  Image means(across, down);
  for (int j = 0; j < down; ++j) {
    const int y0 = j * block, y1 = std::min(image.height, y0 + block);
    for (int i = 0; i < across; ++i) {
      const int x0 = i * block, x1 = std::min(image.width, x0 + block);
      double sum = 0;
      for (int y = y0; y < y1; ++y)
        for (int x = x0; x < x1; ++x) sum += image.row(y)[x];
      means.row(j)[i] = static_cast<float>(sum / (static_cast<double>(y1 - y0) * (x1 - x0)));
    }
  }
  const int radius = std::max(1, static_cast<int>(std::lround(3 * diameter / block)));
  const Image coarse = box_mean(dilation(erosion(means, radius), radius), radius);

  Image result(image.width, image.height);
  const auto columns = between_blocks(image.width, block, across), rows = between_blocks(image.height, block, down);
  std::vector<float> line(across);
  for (int y = 0; y < image.height; ++y) {
    const Between& row = rows[y];
    const float* above = coarse.row(row.first);
    const float* below = coarse.row(row.second);
    for (int i = 0; i < across; ++i) line[i] = above[i] + row.share * (below[i] - above[i]);
    float* out = result.row(y);
    for (int x = 0; x < image.width; ++x) {
      const Between& column = columns[x];
      out[x] = line[column.first] + column.share * (line[column.second] - line[column.first]);
    }
  }
  return result;
}

double noise_of(const Image& image, int block, int lag) {
  std::vector<float> differences;
  for (int y0 = 0; y0 < image.height; y0 += block)
    for (int x0 = 0; x0 + lag < image.width; x0 += block) {
      const int y1 = std::min(image.height, y0 + block), x1 = std::min(image.width - lag, x0 + block);
      double sum = 0;
      for (int y = y0; y < y1; ++y) {
        const float* line = image.row(y);
        for (int x = x0; x < x1; ++x) sum += std::fabs(line[x + lag] - line[x]);
      }
      differences.push_back(static_cast<float>(sum / (static_cast<double>(y1 - y0) * (x1 - x0))));
    }
  // The mean absolute difference of two normal values is 2 / sqrt(pi) standard deviations.
  return quantile_of(differences, 0.1) * std::sqrt(3.14159265358979) / 2;
}

}  // namespace deepyeast
