#include "backend.h"

#include <algorithm>
#include <vector>

namespace deepyeast {

void Backend::fill(float* device, std::size_t count,
                   const std::function<void(std::size_t first, std::size_t count, float* target)>& fill) {
  std::vector<float> piece(std::min(count, std::size_t{1} << 18));
  for (std::size_t first = 0; first < count; first += piece.size()) {
    const std::size_t here = std::min(piece.size(), count - first);
    fill(first, here, piece.data());
    upload(piece.data(), here, device + first);
  }
}

void Backend::update_running_statistics(int channels, std::size_t count, float momentum,
                                        const BatchStatistics& statistics, float* running_mean,
                                        float* running_variance) {
  const std::size_t size = static_cast<std::size_t>(channels);
  std::vector<float> batch(size), running(size);
  const auto blend = [&](const float* batch_values, float* running_values, double factor) {
    download(batch_values, size, batch.data());
    download(running_values, size, running.data());
    for (std::size_t c = 0; c < size; ++c) {
      running[c] = static_cast<float>((1.0 - momentum) * running[c] + momentum * factor * batch[c]);
    }
    upload(running.data(), size, running_values);
  };
  blend(statistics.mean, running_mean, 1.0);
  blend(statistics.variance, running_variance, static_cast<double>(count) / static_cast<double>(count - 1));
}

}  // namespace deepyeast
