#include "signal.h"

#include <cmath>

#include "background.h"
#include "smoothing.h"

namespace deepyeast {

std::size_t make_finite(Image& image) {
  float least = 0;
  std::size_t bad = 0;
  bool any = false;
  // Values beyond 1e30 would overflow in sums.
  const auto fine = [](float v) { return v <= 1e30f && v >= -1e30f; };
  for (const float v : image.values) {
    if (!fine(v)) {
      ++bad;
    } else if (!any || v < least) {
      least = v;
      any = true;
    }
  }
  if (bad > 0)
    for (float& v : image.values)
      if (!fine(v)) v = least;
  return bad;
}

Signal signal_of(const Image& image, double diameter, double smoothing, double noise_floor, const Bands& bands) {
  Signal result;
  result.values = gaussian(image, smoothing, bands);
  const Image background = background_of(result.values, diameter);
  bands.over(image.height, [&](int first, int last) {
    for (int y = first; y < last; ++y) {
      float* line = result.values.row(y);
      const float* below = background.row(y);
      for (int x = 0; x < image.width; ++x) line[x] -= below[x];
    }
  });
  const int block = std::max(4, static_cast<int>(std::lround(5 * smoothing)));
  const int lag = std::max(1, static_cast<int>(std::lround(4 * smoothing)));
  // A Gaussian of sigma pixels leaves 1 / (2 sqrt(pi) sigma) of white noise.
  const double left = smoothing > 0.3 ? 1 / (2 * std::sqrt(3.14159265358979) * smoothing) : 1;
  // A picture without noise: a thousandth of its bright parts is as good as none.
  std::vector<float> sample;
  for (std::size_t p = 0; p < image.size(); p += 37) sample.push_back(result.values[p]);
  const double bright = quantile_of(sample, 0.995);
  result.noise = std::max({noise_of(result.values, block, lag), noise_floor * left, bright / 1000, 1e-30});
  return result;
}

}  // namespace deepyeast
