#include "autotune.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace deepyeast::cuda {
namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Contender {
  int candidate;
  std::vector<double> times;
};

std::vector<Contender> prepare_all(const AutotuneCandidates& candidates, const AutotuneLimits& limits, double start) {
  std::vector<Contender> usable;
  for (int candidate = 0; candidate < candidates.count; ++candidate) {
    if (!usable.empty() && candidates.clock() - start > limits.preparing) break;
    if (candidates.prepare(candidate)) usable.push_back({candidate, {}});
  }
  return usable;
}

void drop_hopeless(std::vector<Contender>& contenders, double factor) {
  double best = std::numeric_limits<double>::infinity();
  for (const Contender& contender : contenders) best = std::min(best, contender.times.back());
  const auto slow = [&](const Contender& contender) { return contender.times.back() > factor * best; };
  contenders.erase(std::remove_if(contenders.begin(), contenders.end(), slow), contenders.end());
}

}  // namespace

int autotune(const AutotuneCandidates& candidates, const AutotuneLimits& limits) {
  const double start = candidates.clock();
  std::vector<Contender> contenders = prepare_all(candidates, limits, start);
  if (contenders.empty()) return -1;
  if (contenders.size() == 1) return contenders.front().candidate;
  double warm = 0;
  do {
    for (const Contender& contender : contenders) warm += candidates.time(contender.candidate);
  } while (warm < limits.warm_up && candidates.clock() - start < limits.preparing);
  for (int round = 0; round < limits.rounds && contenders.size() > 1; ++round) {
    if (round > 0 && candidates.clock() - start > limits.seconds) break;
    for (Contender& contender : contenders) contender.times.push_back(candidates.time(contender.candidate));
    drop_hopeless(contenders, limits.hopeless);
  }
  const auto faster = [](const Contender& a, const Contender& b) { return median(a.times) < median(b.times); };
  const Contender& best = *std::min_element(contenders.begin(), contenders.end(), faster);
  return std::isfinite(median(best.times)) ? best.candidate : -1;
}

}  // namespace deepyeast::cuda
