#include "whole_bodies.h"

#include <algorithm>
#include <queue>

#include "regions.h"

namespace deepyeast {

void find_whole_bodies(Labels& labels, std::uint32_t count, const Labels& zones, const Levels& levels,
                       const BodyRules& rules) {
  constexpr double kStep = 0.97;      // between the levels that are tried: 6% of the signal
  constexpr double kPlateau = 0.625;  // on a plateau the threshold is above this share of the median
  const RegionPixels pixels = pixels_of_regions(labels, count);
  const int width = labels.width, height = labels.height;
  std::vector<bool> spot(static_cast<std::size_t>(count) + 1, false);
  for (std::uint32_t l = 1; l <= count; ++l)
    spot[l] = pixels.area(l) > 0 && static_cast<double>(pixels.area(l)) <= rules.spot;
  std::vector<std::uint32_t> seen(labels.size(), 0), order;
  std::vector<std::uint16_t> values;
  for (std::uint32_t l = 1; l <= count; ++l) {
    if (!spot[l]) continue;
    std::uint32_t peak = *pixels.begin(l);
    for (const std::uint32_t* p = pixels.begin(l); p != pixels.end(l); ++p)
      if (levels[*p] > levels[peak]) peak = *p;
    if (labels[peak] != l) continue;  // it went into another body
    // The pixels in the order in which a falling threshold joins them to the peak.
    std::priority_queue<std::pair<std::uint16_t, std::uint32_t>> front;
    const auto push = [&](std::uint32_t q) {
      if (seen[q] == l || levels[q] == 0) return;
      if (zones[q] != 0 && !spot[zones[q]]) return;
      if (labels[q] != 0 && !spot[labels[q]]) return;
      seen[q] = l;
      front.push({levels[q], ~q});
    };
    order.clear();
    push(peak);
    double threshold = levels[peak] * kStep;
    bool on_plateau = true;
    std::size_t body = 0;
    Extremes extremes;
    while (!front.empty() && static_cast<double>(order.size()) <= rules.most) {
      const auto [level, turned] = front.top();
      while (level < threshold && !order.empty()) {
        // All pixels above the threshold are in: what are they?
        values.clear();
        for (const std::uint32_t p : order) values.push_back(levels[p]);
        const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::nth_element(values.begin(), middle, values.end());
        const double ratio = signal_at(threshold) / signal_at(*middle);
        if (ratio <= rules.share) {
          if (on_plateau && static_cast<double>(order.size()) >= rules.least &&
              static_cast<double>(order.size()) / pixels_in(convex_hull_of(extremes)) >= rules.solidity)
            body = order.size();
          on_plateau = false;
        } else if (ratio >= kPlateau) {
          on_plateau = true;
        }
        threshold *= kStep;
      }
      front.pop();
      const std::uint32_t p = ~turned;
      const int x = static_cast<int>(p % width), y = static_cast<int>(p / width);
      order.push_back(p);
      extremes.add(x, y);
      if (x > 0) push(p - 1);
      if (x + 1 < width) push(p + 1);
      if (y > 0) push(p - width);
      if (y + 1 < height) push(p + width);
    }
    if (static_cast<double>(body) < 1.5 * static_cast<double>(pixels.area(l))) continue;
    for (std::size_t i = 0; i < body; ++i) labels[order[i]] = l;
    spot[l] = false;
  }
}

}  // namespace deepyeast
