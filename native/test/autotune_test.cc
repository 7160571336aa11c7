// The choice among candidates on a clock and a device of the test's own.
#include "../cuda/autotune.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "test.h"

namespace {

using namespace deepyeast::cuda;
using deepyeast::test::expect;

// Candidates of known cost. Timing one multiplies its cost by what slow(number of timings so far) says.
struct Device {
  std::vector<double> milliseconds;
  double seconds_to_prepare = 0;
  std::vector<std::size_t> unprepared = {}, failing = {};
  std::function<double(std::size_t)> slow = [](std::size_t) { return 1.0; };
  std::vector<std::size_t> prepared = {}, timed = {};
  double clock = 0;

  std::optional<std::size_t> fastest(const AutotuneLimits& limits = {}) {
    const auto contains = [](const std::vector<std::size_t>& all, std::size_t one) {
      return std::find(all.begin(), all.end(), one) != all.end();
    };
    AutotuneCandidates candidates;
    candidates.count = milliseconds.size();
    candidates.prepare = [&, contains](std::size_t index) {
      clock += seconds_to_prepare;
      prepared.push_back(index);
      return !contains(unprepared, index);
    };
    candidates.time = [&, contains](std::size_t index) -> std::optional<double> {
      timed.push_back(index);
      if (contains(failing, index)) return std::nullopt;
      return milliseconds[index] * slow(timed.size());
    };
    candidates.seconds = [&] { return clock; };
    return fastest_candidate(candidates, limits);
  }
};

TEST(autotune_picks_the_fastest_although_the_clocks_rise_meanwhile) {
  // The first timings are five times slower: candidate 0, timed first, must not lose by that, nor 2 win by being last.
  Device device{{1.0, 1.2, 1.1}};
  device.slow = [](std::size_t count) { return count < 10 ? 5.0 : 1.0; };
  expect(device.fastest() == std::size_t{0}, "device.fastest() == std::size_t{0}");
}

TEST(autotune_takes_the_median_so_that_one_disturbed_run_counts_for_nothing) {
  Device device{{1.0, 1.2}};
  AutotuneLimits limits;
  limits.warm_up_milliseconds = 4;
  // After the warm-up every timing of candidate 0 in two of the seven rounds takes ten times as long.
  device.slow = [&device](std::size_t count) {
    return device.timed.back() == 0 && (count == 9 || count == 11) ? 10.0 : 1.0;
  };
  expect(device.fastest(limits) == std::size_t{0}, "device.fastest(limits) == std::size_t{0}");
}

TEST(autotune_interleaves_the_candidates) {
  Device device{{1.0, 1.0, 1.0}};
  expect(device.fastest() == std::size_t{0}, "device.fastest() == std::size_t{0}");
  for (std::size_t i = 3; i < device.timed.size(); ++i) expect(device.timed[i] == device.timed[i - 3], "device.timed[i] == device.timed[i - 3]");
}

TEST(autotune_stops_preparing_when_its_time_is_spent) {
  Device device{{4.0, 3.0, 2.0, 1.0}};
  device.seconds_to_prepare = 1.5;
  expect(device.fastest() == std::size_t{1}, "device.fastest() == std::size_t{1}");  // 3 seconds are over after two
  expect(device.prepared.size() == 2, "device.prepared.size() == 2");
  // The first that works is prepared whatever it takes.
  Device slow{{4.0, 3.0, 2.0}};
  slow.seconds_to_prepare = 10;
  slow.unprepared = {0};
  expect(slow.fastest() == std::size_t{1}, "slow.fastest() == std::size_t{1}");
  expect(slow.prepared.size() == 2, "slow.prepared.size() == 2");
}

TEST(autotune_leaves_out_candidates_that_fail) {
  Device device{{1.0, 2.0, 3.0}};
  device.unprepared = {0};
  device.failing = {1};
  expect(device.fastest() == std::size_t{2}, "device.fastest() == std::size_t{2}");
  expect(device.timed.size() == 2, "device.timed.size() == 2");  // one that is alone need not be measured
  Device none{{1.0, 2.0}};
  none.failing = {0, 1};
  expect(!none.fastest(), "!none.fastest()");
  Device empty{{}};
  expect(!empty.fastest(), "!empty.fastest()");
}

}  // namespace
