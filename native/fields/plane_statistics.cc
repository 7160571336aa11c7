#include "plane_statistics.h"

#include <cmath>
#include <type_traits>

#include "order_statistics.h"

namespace deepyeast {
namespace {

// The middle value; the mean of the two in the middle of an even number.
template <typename Sample>
double median(const std::vector<Sample>& samples) {
  OrderStatistics<Sample> order;
  order.begin(samples.data(), samples.size());
  const std::size_t middle = samples.size() / 2;
  const double upper = order.at(middle);
  return samples.size() % 2 == 1 ? upper : (order.at(middle - 1) + upper) / 2;
}

template <typename Sample>
PlaneStatistics statistics_of(const std::vector<Sample>& samples, const std::vector<std::uint32_t>& labels) {
  PlaneStatistics result;
  if (samples.empty()) return result;
  if constexpr (std::is_floating_point_v<Sample>) {
    for (const Sample sample : samples) {
      if (!std::isfinite(sample)) {
        result.finite = false;
        return result;
      }
    }
  }
  Sample low = samples[0], high = samples[0];
  for (const Sample sample : samples) {
    low = std::min(low, sample);
    high = std::max(high, sample);
  }
  for (const Sample sample : samples) result.at_maximum += sample == high ? 1 : 0;
  result.minimum = static_cast<double>(low);
  result.maximum = static_cast<double>(high);
  std::vector<Sample> outside;
  if (labels.empty()) {
    outside = samples;
  } else {
    outside.reserve(samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (labels[i] == 0) outside.push_back(samples[i]);
    }
  }
  result.background = outside.empty() ? result.minimum : median(outside);
  return result;
}

}  // namespace

PlaneStatistics plane_statistics(const PlaneSamples& samples, const std::vector<std::uint32_t>& labels) {
  return std::visit([&](const auto& values) { return statistics_of(values, labels); }, samples);
}

}  // namespace deepyeast
