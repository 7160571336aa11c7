// Picks the fastest of several candidates for one operation, such as the engines that cuDNN offers for a convolution. Knows
// nothing of CUDA: a test gives it candidates with times of its own.
#pragma once

#include <functional>
#include <vector>

namespace deepyeast::cuda {

struct AutotuneLimits {
  // Seconds after which no further candidate is prepared, once one is usable: engines compiled at run time may take more
  // than a second each.
  double preparing = 1.0;
  // Seconds after which no further round is begun, once every candidate that is left has a time.
  double seconds = 2.0;
  // Rounds that count. At least one before them warms the device up, since its clocks rise only under load: as many as make
  // up `warm_up` milliseconds of what time() returns.
  int rounds = 5;
  double warm_up = 0;
  // A candidate slower than the best of a round by this factor is out of the race.
  double hopeless = 1.5;
};

// What the search asks of its caller.
struct AutotuneCandidates {
  int count = 0;
  // Makes the candidate ready and runs it once. False: it cannot be used.
  std::function<bool(int candidate)> prepare;
  // Milliseconds of one run, measured over some of them; infinite where the candidate turns out to fail.
  std::function<double(int candidate)> time;
  // Seconds on any steady clock.
  std::function<double()> clock;
};

// The candidate with the least median time; -1 where none can be used. Candidates are timed in turn, round by round, so that
// a change of the device's clocks meets all of them. Of equal ones the first is taken.
int autotune(const AutotuneCandidates& candidates, const AutotuneLimits& limits);

}  // namespace deepyeast::cuda
