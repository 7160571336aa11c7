#include "autotune.h"

#include <algorithm>
#include <limits>

namespace deepyeast::cuda {
namespace {

constexpr std::size_t kMostWarmUpRuns = 100;  // of one candidate, for operations that take no time at all

struct Timed {
  std::size_t index;
  double warm_up;  // the best time of the warm-up
  std::vector<double> times;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) / 2];
}

// Times every candidate once and removes those that fail. Returns the sum of the times.
template <typename Record>
double time_all(const AutotuneCandidates& candidates, std::vector<Timed>* running, const Record& record) {
  double sum = 0;
  for (auto timed = running->begin(); timed != running->end();) {
    const std::optional<double> milliseconds = candidates.time(timed->index);
    if (!milliseconds) {
      timed = running->erase(timed);
      continue;
    }
    record(*timed, *milliseconds);
    sum += *milliseconds;
    ++timed;
  }
  return sum;
}

}  // namespace

std::optional<std::size_t> fastest_candidate(const AutotuneCandidates& candidates, const AutotuneLimits& limits) {
  std::vector<Timed> running;
  // A candidate counts as working only after it has run once, since an engine may turn out unsupported as late as that.
  const double start = candidates.seconds();
  for (std::size_t index = 0; index < candidates.count; ++index) {
    if (!running.empty() && candidates.seconds() - start >= limits.preparation_seconds) break;
    if (candidates.prepare(index) && candidates.time(index))
      running.push_back({index, std::numeric_limits<double>::infinity(), {}});
  }
  if (running.size() == 1) return running.front().index;

  double warm = 0;
  for (std::size_t run = 0; run < kMostWarmUpRuns && !running.empty() && warm < limits.warm_up_milliseconds; ++run) {
    warm += time_all(candidates, &running, [](Timed& timed, double milliseconds) {
      timed.warm_up = std::min(timed.warm_up, milliseconds);
    });
  }
  double best = std::numeric_limits<double>::infinity();
  for (const Timed& timed : running) best = std::min(best, timed.warm_up);
  running.erase(std::remove_if(running.begin(), running.end(),
                               [&](const Timed& timed) { return timed.warm_up > limits.hopeless * best; }),
                running.end());
  for (std::size_t round = 0; round < limits.rounds && running.size() > 1; ++round)
    time_all(candidates, &running, [](Timed& timed, double milliseconds) { timed.times.push_back(milliseconds); });
  if (running.empty()) return std::nullopt;
  if (running.size() == 1) return running.front().index;
  return std::min_element(running.begin(), running.end(), [](const Timed& a, const Timed& b) {
           return median(a.times) < median(b.times);
         })->index;
}

}  // namespace deepyeast::cuda
