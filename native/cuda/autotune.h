// Chooses the fastest of several candidates for one operation by running them. Knows nothing of CUDA: the caller says how a
// candidate is prepared and timed, which a test can watch.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace deepyeast::cuda {

struct AutotuneLimits {
  double preparation_seconds = 3;    // for the candidates of one operation; the first that works is always prepared
  double warm_up_milliseconds = 20;  // of device time, until the card's clocks have risen
  std::size_t rounds = 7;            // each times every candidate once, so that a change of clocks meets all of them
  double hopeless = 2;               // a candidate slower than this many times the best of the warm-up is dropped
};

struct AutotuneCandidates {
  std::size_t count = 0;
  // Makes candidate `index` ready to run, which may compile code. False: it cannot be used.
  std::function<bool(std::size_t index)> prepare;
  // Runs a candidate that was prepared and returns milliseconds of device time. Nothing: it failed and is not asked again.
  std::function<std::optional<double>(std::size_t index)> time;
  // Seconds of the host since some moment.
  std::function<double()> seconds;
};

// The index of the candidate with the smallest median time, the earlier one of two that are equal; nothing where none works.
// Candidates come in the order of promise: those that the preparation has no time for are the least promising. A single
// candidate that works is not timed more often than it takes to see that it runs.
std::optional<std::size_t> fastest_candidate(const AutotuneCandidates& candidates, const AutotuneLimits& limits);

}  // namespace deepyeast::cuda
