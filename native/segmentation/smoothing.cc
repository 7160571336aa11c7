#include "smoothing.h"

#include <cmath>

namespace deepyeast {
namespace {

int clamped(int position, int size) { return std::min(std::max(position, 0), size - 1); }

// The greatest of each window along a line of `count` values, `stride` apart; `least`: the least.
template <typename Better>
void extreme_of_windows(const float* line, float* result, int count, int radius, std::vector<float>& scratch,
                        const Better& better) {
  const int window = 2 * radius + 1, padded = count + 2 * radius;
  scratch.resize(static_cast<std::size_t>(padded) * 2);
  float* forward = scratch.data();
  float* backward = scratch.data() + padded;
  const auto value = [&](int i) { return line[clamped(i - radius, count)]; };
  for (int i = 0; i < padded; ++i) {
    const float v = value(i);
    forward[i] = i % window == 0 ? v : (better(v, forward[i - 1]) ? v : forward[i - 1]);
  }
  for (int i = padded - 1; i >= 0; --i) {
    const float v = value(i);
    backward[i] = i == padded - 1 || (i + 1) % window == 0 ? v : (better(v, backward[i + 1]) ? v : backward[i + 1]);
  }
  for (int i = 0; i < count; ++i) {
    const float a = backward[i], b = forward[i + window - 1];
    result[i] = better(a, b) ? a : b;
  }
}

template <typename Better>
Image extreme(const Image& image, int radius, const Better& better) {
  if (radius <= 0 || image.size() == 0) return image;
  Image result(image.width, image.height);
  std::vector<float> scratch, column(image.height), filtered(image.height);
  for (int y = 0; y < image.height; ++y)
    extreme_of_windows(image.row(y), result.row(y), image.width, radius, scratch, better);
  for (int x = 0; x < image.width; ++x) {
    for (int y = 0; y < image.height; ++y) column[y] = result.row(y)[x];
    extreme_of_windows(column.data(), filtered.data(), image.height, radius, scratch, better);
    for (int y = 0; y < image.height; ++y) result.row(y)[x] = filtered[y];
  }
  return result;
}

}  // namespace

Image gaussian(const Image& image, double sigma, const Bands& bands) {
  const int radius = static_cast<int>(std::ceil(3 * sigma));
  if (!(sigma > 0.1) || image.size() == 0) return image;
  std::vector<float> weights(radius + 1);
  double sum = 0;
  for (int i = 0; i <= radius; ++i) sum += (i == 0 ? 1 : 2) * std::exp(-0.5 * i * i / (sigma * sigma));
  for (int i = 0; i <= radius; ++i) weights[i] = static_cast<float>(std::exp(-0.5 * i * i / (sigma * sigma)) / sum);

  const int width = image.width, height = image.height;
  Image across(width, height), result(width, height);
  bands.over(height, [&](int first, int last) {
    std::vector<float> padded(width + 2 * radius);
    for (int y = first; y < last; ++y) {
      const float* line = image.row(y);
      for (int i = 0; i < width + 2 * radius; ++i) padded[i] = line[clamped(i - radius, width)];
      float* out = across.row(y);
      for (int x = 0; x < width; ++x) out[x] = weights[0] * padded[x + radius];
      for (int i = 1; i <= radius; ++i) {
        const float* left = padded.data() + radius - i;
        const float* right = padded.data() + radius + i;
        for (int x = 0; x < width; ++x) out[x] += weights[i] * (left[x] + right[x]);
      }
    }
  });
  bands.over(height, [&](int first, int last) {
    for (int y = first; y < last; ++y) {
      float* out = result.row(y);
      const float* middle = across.row(y);
      for (int x = 0; x < width; ++x) out[x] = weights[0] * middle[x];
      for (int i = 1; i <= radius; ++i) {
        const float* above = across.row(clamped(y - i, height));
        const float* below = across.row(clamped(y + i, height));
        for (int x = 0; x < width; ++x) out[x] += weights[i] * (above[x] + below[x]);
      }
    }
  });
  return result;
}

Image box_mean(const Image& image, int radius) {
  if (radius <= 0 || image.size() == 0) return image;
  const int width = image.width, height = image.height;
  Image across(width, height), result(width, height);
  for (int y = 0; y < height; ++y) {
    const float* line = image.row(y);
    double sum = 0;
    int count = 0;
    for (int x = 0; x < std::min(radius, width); ++x) sum += line[x], ++count;
    for (int x = 0; x < width; ++x) {
      if (x + radius < width) sum += line[x + radius], ++count;
      if (x - radius - 1 >= 0) sum -= line[x - radius - 1], --count;
      across.row(y)[x] = static_cast<float>(sum / count);
    }
  }
  std::vector<double> sums(width, 0.0);
  int count = 0;
  const auto add = [&](int y, double sign) {
    const float* line = across.row(y);
    for (int x = 0; x < width; ++x) sums[x] += sign * line[x];
    count += sign > 0 ? 1 : -1;
  };
  for (int y = 0; y < std::min(radius, height); ++y) add(y, 1);
  for (int y = 0; y < height; ++y) {
    if (y + radius < height) add(y + radius, 1);
    if (y - radius - 1 >= 0) add(y - radius - 1, -1);
    for (int x = 0; x < width; ++x) result.row(y)[x] = static_cast<float>(sums[x] / count);
  }
  return result;
}

Image erosion(const Image& image, int radius) {
  return extreme(image, radius, [](float a, float b) { return a < b; });
}
Image dilation(const Image& image, int radius) {
  return extreme(image, radius, [](float a, float b) { return a > b; });
}

}  // namespace deepyeast
