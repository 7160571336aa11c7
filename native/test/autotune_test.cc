// The search for the fastest of several candidates, on a clock and with times of the tests' own.
#include "../cuda/autotune.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <vector>

#include "test.h"

namespace deepyeast {
namespace {

using cuda::AutotuneLimits;
using cuda::autotune;
using test::expect;

// Candidates whose runs take `milliseconds` and whose preparation takes `preparing` seconds each; a negative time stands for
// one that cannot be used.
struct Race {
  std::vector<double> milliseconds;
  double preparing = 0.01;
  double seconds = 0;
  std::vector<int> prepared{}, timed{};
  // What the n-th time measured of all is multiplied by.
  std::function<double(std::size_t)> disturbance = [](std::size_t) { return 1.0; };

  int run(const AutotuneLimits& limits = {}) {
    return autotune({static_cast<int>(milliseconds.size()),
                     [this](int candidate) {
                       prepared.push_back(candidate);
                       seconds += preparing;
                       return milliseconds[static_cast<std::size_t>(candidate)] > 0;
                     },
                     [this](int candidate) {
                       const double time =
                           milliseconds[static_cast<std::size_t>(candidate)] * disturbance(timed.size());
                       timed.push_back(candidate);
                       seconds += time / 1000;
                       return time;
                     },
                     [this] { return seconds; }},
                    limits);
  }
  long times_of(int candidate) const { return std::count(timed.begin(), timed.end(), candidate); }
};

TEST(autotune_takes_the_fastest_and_the_first_of_equals) {
  expect(Race{{3, 1, 2}}.run() == 1, "Race{{3, 1, 2}}.run() == 1");
  expect(Race{{2, 2, 2}}.run() == 0, "Race{{2, 2, 2}}.run() == 0");
  expect(Race{{-1, 2.1, 2, -1}}.run() == 2, "Race{{-1, 2.1, 2, -1}}.run() == 2");
}

TEST(autotune_says_where_nothing_can_be_used_and_times_nothing_without_a_choice) {
  expect(Race{{}}.run() == -1, "Race{{}}.run() == -1");
  expect(Race{{-1, -1}}.run() == -1, "Race{{-1, -1}}.run() == -1");
  Race alone{{-1, 5}};
  expect(alone.run() == 1, "alone.run() == 1");
  expect(alone.timed.empty(), "alone.timed.empty()");
}

TEST(autotune_times_in_turn_and_leaves_out_the_hopeless) {
  Race race{{1, 1.2, 4}};
  expect(race.run() == 0, "race.run() == 0");
  // Warming up, then one round of all, then rounds of those that are left.
  const std::vector<int> expected = {0, 1, 2, 0, 1, 2, 0, 1, 0, 1, 0, 1, 0, 1};
  expect(race.timed == expected, "race.timed == expected");
}

TEST(autotune_is_not_misled_by_cold_clocks_or_one_bad_time) {
  // The device is three times as slow at first: what is timed first must not lose by that.
  Race cold{{1, 1.1}};
  cold.disturbance = [](std::size_t n) { return n < 2 ? 3.0 : 1.0; };
  expect(cold.run() == 0, "cold.run() == 0");
  // Clocks that rise only after some rounds: the warm-up lasts until then.
  Race slow_to_rise{{1, 1.1}};
  slow_to_rise.disturbance = [](std::size_t n) { return n < 3 ? 3.0 : 1.0; };
  AutotuneLimits limits;
  limits.warm_up = 8;
  expect(slow_to_rise.run(limits) == 0, "slow_to_rise.run(limits) == 0");
  expect(slow_to_rise.times_of(0) == 2 + limits.rounds, "two rounds of warm-up");
  // One time of the faster candidate is disturbed, but by less than puts it out.
  Race disturbed{{1, 1.1}};
  disturbed.disturbance = [](std::size_t n) { return n == 4 ? 1.4 : 1.0; };
  expect(disturbed.run() == 0, "disturbed.run() == 0");
}

TEST(autotune_does_without_a_candidate_that_fails_while_it_is_timed) {
  constexpr double fails = std::numeric_limits<double>::infinity();
  expect(Race{{fails, 3, 2}}.run() == 2, "the fastest of the others");
  expect(Race{{fails, fails}}.run() == -1, "none where all fail");
}

TEST(autotune_keeps_to_its_seconds) {
  // Preparing takes as long as compiling: the second is still begun, the third is not.
  Race slow{{1, 2, 0.5}, 0.8};
  expect(slow.run() == 0, "slow.run() == 0");
  expect((slow.prepared == std::vector<int>{0, 1}), "(slow.prepared == std::vector<int>{0, 1})");
  // Those that cannot be used do not end the search, however long they take.
  Race unusable{{-1, -1, 3}, 5};
  expect(unusable.run() == 2, "unusable.run() == 2");
  // Long runs: one round counts whatever it takes, further ones only within the limit.
  Race long_runs{{1500, 1400}};
  expect(long_runs.run() == 1, "long_runs.run() == 1");
  expect(long_runs.times_of(0) == 2, "long_runs.times_of(0) == 2");
}

}  // namespace
}  // namespace deepyeast
