#include "crops.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "order_statistics.h"
#include "resampling.h"

namespace deepyeast {
namespace {

// A rectangle of a crop, ends excluded.
struct Part {
  int left, top, right, bottom;
  int width() const { return right - left; }
  int height() const { return bottom - top; }
};

// Where the crop begins in the field.
int crop_begin(double centre, int size) { return static_cast<int>(std::floor(centre - (size - 1) / 2.0 + 0.5)); }

// The part of a crop that lies inside the field.
Part inside_of(const CropGeometry& geometry, double x, double y) {
  const int left = crop_begin(x, geometry.size), top = crop_begin(y, geometry.size);
  return {std::max(0, -left), std::max(0, -top), std::min(geometry.size, geometry.width - left),
          std::min(geometry.size, geometry.height - top)};
}

// Copies the inside of a crop without resampling; `samples` gets [height, width] of `inside`.
template <typename Sample>
void copy_inside(const Sample* plane, const CropGeometry& geometry, double x, double y, const Part& inside,
                 Sample* samples) {
  const std::ptrdiff_t left = crop_begin(x, geometry.size), top = crop_begin(y, geometry.size);
  for (int row = inside.top; row < inside.bottom; ++row) {
    const Sample* line = plane + (top + row) * geometry.width + left;
    samples = std::copy(line + inside.left, line + inside.right, samples);
  }
}

// Resamples the inside of a crop.
template <typename Sample>
class Resampler {
 public:
  Part begin(const CropGeometry& geometry, double x, double y) {
    columns_ = resampling_axis(x, geometry.width, geometry.size, geometry.scale);
    rows_ = resampling_axis(y, geometry.height, geometry.size, geometry.scale);
    return {columns_.begin, rows_.begin, columns_.end, rows_.end};
  }

  void sample(const Sample* plane, const CropGeometry& geometry, double background, const Part& inside,
              float* samples) {
    const int top = rows_.first[inside.top];
    const int bottom = rows_.first[inside.bottom - 1] + rows_.taps;
    const int left = columns_.first[inside.left];
    const int right = columns_.first[inside.right - 1] + columns_.taps;
    const std::size_t width = static_cast<std::size_t>(inside.width());
    lines_.resize(static_cast<std::size_t>(bottom - top) * width);
    const float outside = static_cast<float>(background);
    source_.assign(static_cast<std::size_t>(right - left), outside);
    for (int row = top; row < bottom; ++row) {
      float* line = lines_.data() + static_cast<std::size_t>(row - top) * width;
      if (row < 0 || row >= geometry.height) {
        std::fill(line, line + width, outside);
        continue;
      }
      const Sample* pixels = plane + static_cast<std::ptrdiff_t>(row) * geometry.width;
      for (int x = std::max(left, 0); x < std::min(right, geometry.width); ++x) {
        source_[static_cast<std::size_t>(x - left)] = static_cast<float>(pixels[x]);
      }
      for (int column = inside.left; column < inside.right; ++column) {
        const float* weights = columns_.weights.data() + static_cast<std::size_t>(column) * columns_.taps;
        const float* first = source_.data() + (columns_.first[column] - left);
        float sum = 0;
        for (int tap = 0; tap < columns_.taps; ++tap) sum += weights[tap] * first[tap];
        *line++ = sum;
      }
    }
    for (int row = inside.top; row < inside.bottom; ++row) {
      const float* weights = rows_.weights.data() + static_cast<std::size_t>(row) * rows_.taps;
      const float* first = lines_.data() + static_cast<std::size_t>(rows_.first[row] - top) * width;
      std::fill(samples, samples + width, 0.0f);
      for (int tap = 0; tap < rows_.taps; ++tap) {
        const float weight = weights[tap];
        const float* line = first + static_cast<std::size_t>(tap) * width;
        for (std::size_t column = 0; column < width; ++column) samples[column] += weight * line[column];
      }
      samples += width;
    }
  }

 private:
  ResamplingAxis columns_, rows_;
  std::vector<float> source_, lines_;  // a line of the field; lines resampled along x
};

// intensity.ts, pixelNoise. For integers the sum is exact, so that it may be added in any order.
template <typename Sample>
double pixel_noise(const Sample* samples, int width, int height) {
  if (width < 3 || height < 3) return 0;
  using Value = std::conditional_t<std::is_integral_v<Sample>, std::conditional_t<sizeof(Sample) <= 2, std::int32_t, std::int64_t>, double>;
  using Sum = std::conditional_t<std::is_integral_v<Sample>, std::int64_t, double>;
  Sum sum = 0;
  for (int row = 1; row < height - 1; ++row) {
    const Sample* here = samples + static_cast<std::ptrdiff_t>(row) * width;
    const Sample *up = here - width, *down = here + width;
    std::conditional_t<std::is_integral_v<Sample> && sizeof(Sample) <= 2, std::int32_t, Sum> line = 0;
    for (int column = 1; column < width - 1; ++column) {
      const auto at = [column](const Sample* pixels, int step) { return static_cast<Value>(pixels[column + step]); };
      const Value response = at(up, -1) - 2 * at(up, 0) + at(up, 1) - 2 * at(here, -1) + 4 * at(here, 0) -
                             2 * at(here, 1) + at(down, -1) - 2 * at(down, 0) + at(down, 1);
      const Value size = response < 0 ? -response : response;
      if constexpr (std::is_integral_v<Sample>) {
        line += size;
      } else {
        sum += size;
      }
    }
    if constexpr (std::is_integral_v<Sample>) sum += line;
  }
  const double pi = 3.14159265358979323846;
  return (std::sqrt(pi / 2) * static_cast<double>(sum)) / (6.0 * (width - 2) * (height - 2));
}

struct Range {
  double low, high;
};

// intensity.ts, percentile.
template <typename Sample>
double percentile(OrderStatistics<Sample>& order, std::size_t count, double percent) {
  const double position = (percent / 100) * static_cast<double>(count - 1);
  const std::size_t below = static_cast<std::size_t>(std::floor(position));
  const double low = order.at(below);
  const double fraction = position - static_cast<double>(below);
  if (fraction == 0 || below + 1 >= count) return low;
  return low + (order.at(below + 1) - low) * fraction;
}

template <typename Sample>
Range percentile_range(const Sample* samples, const Part& inside, const CropRule& rule) {
  OrderStatistics<Sample> order;
  const std::size_t count = static_cast<std::size_t>(inside.width()) * inside.height();
  order.begin(samples, count);
  const double low = percentile(order, count, rule.low), high = percentile(order, count, rule.high);
  const double noise = pixel_noise(samples, inside.width(), inside.height());
  return {low, low + std::max({high - low, rule.noise_floor * noise, rule.floor})};
}

// intensity.ts, stretch: rounds half up, as Math.round.
inline std::uint8_t stretched(double sample, double low, double span) {
  const double share = (sample - low) / span;
  const double value = (share < 0 ? 0 : share > 1 ? 1 : share) * 255;
  const int whole = static_cast<int>(value);
  return static_cast<std::uint8_t>(whole + (value - whole >= 0.5));
}

inline std::uint8_t clipped(double sample) {
  return static_cast<std::uint8_t>(static_cast<int>((sample < 0 ? 0 : sample > 255 ? 255 : sample) + 0.5));
}

// Writes one channel of a crop; `samples` are those of its inside.
template <typename Sample>
void write_channel(const Sample* samples, const Part& inside, double background, const Range& range, bool as_stored,
                   int size, int channels, std::uint8_t* pixels) {
  const double low = range.low, span = range.high - range.low;
  const bool flat = !(span > 0);
  const std::uint8_t outside = as_stored ? clipped(background) : flat ? 0 : stretched(background, low, span);
  std::uint8_t bytes[kLargestFieldCrop];
  for (int row = 0; row < size; ++row) {
    std::uint8_t* line = pixels + static_cast<std::size_t>(row) * size * channels;
    const bool padding = row < inside.top || row >= inside.bottom;
    const int left = padding ? size : inside.left, right = padding ? size : inside.right;
    for (int column = 0; column < left; ++column) line[static_cast<std::size_t>(column) * channels] = outside;
    for (int column = right; column < size; ++column) line[static_cast<std::size_t>(column) * channels] = outside;
    if (padding) continue;
    const int width = inside.width();
    // Apart from the interleaving, so that the arithmetic runs on vectors.
    if (as_stored) {
      for (int i = 0; i < width; ++i) bytes[i] = clipped(static_cast<double>(samples[i]));
    } else if (flat) {
      std::fill(bytes, bytes + width, std::uint8_t{0});
    } else {
      for (int i = 0; i < width; ++i) bytes[i] = stretched(static_cast<double>(samples[i]), low, span);
    }
    std::uint8_t* target = line + static_cast<std::size_t>(left) * channels;
    for (int i = 0; i < width; ++i) target[static_cast<std::size_t>(i) * channels] = bytes[i];
    samples += width;
  }
}

// The samples of a crop's inside, resampled to float or copied as they are: calls body(samples, inside).
template <typename Sample, typename Body>
void for_each_inside(const std::vector<Sample>& plane, double background, const CropGeometry& geometry,
                     const double* centres, std::size_t cells, const Body& body) {
  const std::size_t area = static_cast<std::size_t>(geometry.size) * geometry.size;
  if (geometry.scale == 1) {
    std::vector<Sample> samples(area);
    for (std::size_t cell = 0; cell < cells; ++cell) {
      const double x = centres[2 * cell], y = centres[2 * cell + 1];
      const Part inside = inside_of(geometry, x, y);
      copy_inside(plane.data(), geometry, x, y, inside, samples.data());
      body(cell, static_cast<const Sample*>(samples.data()), inside);
    }
  } else {
    std::vector<float> samples(area);
    Resampler<Sample> resampler;
    for (std::size_t cell = 0; cell < cells; ++cell) {
      const Part inside = resampler.begin(geometry, centres[2 * cell], centres[2 * cell + 1]);
      resampler.sample(plane.data(), geometry, background, inside, samples.data());
      body(cell, static_cast<const float*>(samples.data()), inside);
    }
  }
}

}  // namespace

void cut_crops(const std::vector<FieldPlane>& planes, const CropGeometry& geometry, const double* centres,
               std::size_t cells, const CropRule& rule, std::uint8_t* pixels, double* ranges) {
  const std::size_t channels = planes.size();
  const std::size_t crop_bytes = static_cast<std::size_t>(geometry.size) * geometry.size * channels;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    const double background = planes[channel].background;
    const auto write = [&](std::size_t cell, const auto* samples, const Part& inside) {
      Range range = {0, 255};
      if (rule.kind == CropRule::Kind::kRanges) {
        range = {rule.ranges[2 * channel], rule.ranges[2 * channel + 1]};
      } else if (rule.kind == CropRule::Kind::kPercentiles) {
        range = percentile_range(samples, inside, rule);
      }
      ranges[(cell * channels + channel) * 2] = range.low;
      ranges[(cell * channels + channel) * 2 + 1] = range.high;
      write_channel(samples, inside, background, range, rule.kind == CropRule::Kind::kAsStored, geometry.size,
                    static_cast<int>(channels), pixels + cell * crop_bytes + channel);
    };
    std::visit(
        [&](const auto& plane) { for_each_inside(plane, background, geometry, centres, cells, write); },
        planes[channel].samples);
  }
}

void cut_raw_crops(const std::vector<FieldPlane>& planes, const CropGeometry& geometry, const double* centres,
                   std::size_t cells, float* samples) {
  const std::size_t area = static_cast<std::size_t>(geometry.size) * geometry.size;
  for (std::size_t channel = 0; channel < planes.size(); ++channel) {
    const float background = static_cast<float>(planes[channel].background);
    std::visit(
        [&](const auto& plane) {
          for_each_inside(plane, planes[channel].background, geometry, centres, cells,
                          [&](std::size_t cell, const auto* inner, const Part& inside) {
                            float* crop = samples + (cell * planes.size() + channel) * area;
                            std::fill(crop, crop + area, background);
                            for (int row = inside.top; row < inside.bottom; ++row) {
                              float* line = crop + static_cast<std::size_t>(row) * geometry.size;
                              for (int column = inside.left; column < inside.right; ++column) {
                                line[column] = static_cast<float>(*inner++);
                              }
                            }
                          });
        },
        planes[channel].samples);
  }
}

}  // namespace deepyeast
