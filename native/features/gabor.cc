// Gabor filters of four wavelengths and six angles: the mean magnitude of the response over the cell. scikit-image's
// kernels (one octave wide, cut at three standard deviations) on the whole crop, mirrored at its border.
//
// The envelope is round, so a kernel is the product of one along x and one along y: two passes with complex numbers.
#include <algorithm>
#include <cmath>

#include "classic_features.h"

namespace deepyeast {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int kWavelengths[] = {3, 5, 9, 16};
constexpr int kAngles = 6;

// One factor of a kernel: tap i is exp(-(i - radius)^2 / 2 s^2) exp(i 2 pi f (i - radius)).
struct Factor {
  int radius;
  std::vector<float> real, imaginary;
};

Factor factor_of(double sigma, double frequency, int radius, double scale) {
  Factor factor{radius, {}, {}};
  for (int offset = -radius; offset <= radius; ++offset) {
    const double envelope = scale * std::exp(-offset * offset / (2 * sigma * sigma));
    factor.real.push_back(static_cast<float>(envelope * std::cos(2 * kPi * frequency * offset)));
    factor.imaginary.push_back(static_cast<float>(envelope * std::sin(2 * kPi * frequency * offset)));
  }
  return factor;
}

struct Filter {
  Factor along_x, along_y;
};

const std::vector<Filter>& filters() {
  static const std::vector<Filter> all = [] {
    std::vector<Filter> made;
    for (const int wavelength : kWavelengths) {
      const double frequency = 1.0 / wavelength;
      const double sigma = 1.0 / kPi * std::sqrt(std::log(2.0) / 2.0) * 3.0 / frequency;
      for (int angle = 0; angle < kAngles; ++angle) {
        const double theta = kPi * angle / kAngles, c = std::cos(theta), s = std::sin(theta);
        const int radius_x =
            static_cast<int>(std::ceil(std::max({std::abs(3 * sigma * c), std::abs(3 * sigma * s), 1.0})));
        const double scale = 1 / (std::sqrt(2 * kPi) * sigma);
        made.push_back({factor_of(sigma, frequency * c, radius_x, scale),
                        factor_of(sigma, frequency * s, radius_x, scale)});
      }
    }
    return made;
  }();
  return all;
}

// scipy's "reflect": ... b a | a b c | c b ...
int mirrored(int i, int size) {
  i %= 2 * size;
  if (i < 0) i += 2 * size;
  return i < size ? i : 2 * size - 1 - i;
}

double mean_magnitude(const CellView& cell, int channel, const Filter& filter, int left, int right, int top,
                      int bottom) {
  const int size = cell.size, width = right - left + 1, radius = filter.along_x.radius;
  const int padded = width + 2 * radius;
  // The pass along x, for the rows that the second pass reads: those around the cell, each once.
  const int radius_y = filter.along_y.radius;
  std::vector<float> line(static_cast<std::size_t>(padded));
  std::vector<float> real(static_cast<std::size_t>(size * width)), imaginary(real.size());
  std::vector<bool> done(static_cast<std::size_t>(size));
  for (int y = top - radius_y; y <= bottom + radius_y; ++y) {
    const int source = mirrored(y, size);
    if (done[static_cast<std::size_t>(source)]) continue;
    done[static_cast<std::size_t>(source)] = true;
    const float* values = cell.values[channel].data() + source * size;
    for (int i = 0; i < padded; ++i) line[static_cast<std::size_t>(i)] = values[mirrored(left - radius + i, size)];
    float* re = real.data() + source * width;
    float* im = imaginary.data() + source * width;
    for (int tap = 0; tap <= 2 * radius; ++tap) {
      const float a = filter.along_x.real[static_cast<std::size_t>(tap)];
      const float b = filter.along_x.imaginary[static_cast<std::size_t>(tap)];
      const float* from = line.data() + tap;
      for (int x = 0; x < width; ++x) {
        re[x] += a * from[x];
        im[x] += b * from[x];
      }
    }
  }
  double sum = 0;
  std::vector<float> re(static_cast<std::size_t>(width)), im(re.size());
  for (int y = top; y <= bottom; ++y) {
    std::fill(re.begin(), re.end(), 0.0f);
    std::fill(im.begin(), im.end(), 0.0f);
    for (int tap = 0; tap <= 2 * radius_y; ++tap) {
      const float a = filter.along_y.real[static_cast<std::size_t>(tap)];
      const float b = filter.along_y.imaginary[static_cast<std::size_t>(tap)];
      const int source = mirrored(y - radius_y + tap, size);
      const float* from_re = real.data() + source * width;
      const float* from_im = imaginary.data() + source * width;
      for (int x = 0; x < width; ++x) {
        re[static_cast<std::size_t>(x)] += a * from_re[x] - b * from_im[x];
        im[static_cast<std::size_t>(x)] += a * from_im[x] + b * from_re[x];
      }
    }
    for (int x = 0; x < width; ++x) {
      if (cell.mask[static_cast<std::size_t>(y * size + left + x)] == 0) continue;
      const double a = re[static_cast<std::size_t>(x)], b = im[static_cast<std::size_t>(x)];
      sum += std::sqrt(a * a + b * b);
    }
  }
  return sum / static_cast<double>(cell.pixels.size());
}

}  // namespace

void measure_gabor(const CellView& cell, FeatureRow& row) {
  int left = cell.size, right = 0, top = cell.size, bottom = 0;
  for (const int pixel : cell.pixels) {
    left = std::min(left, pixel % cell.size);
    right = std::max(right, pixel % cell.size);
    top = std::min(top, pixel / cell.size);
    bottom = std::max(bottom, pixel / cell.size);
  }
  for (int channel = 0; channel < kClassicChannels; ++channel) {
    for (std::size_t i = 0; i < filters().size(); ++i) {
      row.add(mean_magnitude(cell, channel, filters()[i], left, right, top, bottom), [&] {
        return std::string("Gabor_Magnitude_") + kChannelNames[channel] + "_" +
               std::to_string(kWavelengths[i / kAngles]) + "_" + std::to_string(i % kAngles * 180 / kAngles);
      });
    }
  }
}

}  // namespace deepyeast
