#include "background_level.h"

#include <algorithm>
#include <cmath>

#include "../system/error.h"
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

}  // namespace

double background_level(const PlaneSamples& samples, const std::vector<std::uint32_t>& labels) {
  return std::visit(
      [&](const auto& values) {
        std::decay_t<decltype(values)> outside;
        outside.reserve(values.size());
        for (std::size_t i = 0; i < values.size(); ++i) {
          if (!std::isfinite(static_cast<double>(values[i]))) throw Error("image-invalid", "holds a sample that is no number");
          if (labels[i] == 0) outside.push_back(values[i]);
        }
        if (!outside.empty()) return median(outside);
        return static_cast<double>(*std::min_element(values.begin(), values.end()));
      },
      samples);
}

}  // namespace deepyeast
