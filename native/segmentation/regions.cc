#include "regions.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace deepyeast {

RegionPixels pixels_of_regions(const Labels& labels, std::uint32_t count) {
  RegionPixels result;
  result.begins.assign(static_cast<std::size_t>(count) + 2, 0);
  for (const std::uint32_t label : labels.values)
    if (label != 0) ++result.begins[label + 1];
  for (std::size_t l = 1; l < result.begins.size(); ++l) result.begins[l] += result.begins[l - 1];
  result.positions.resize(result.begins.back());
  std::vector<std::uint32_t> next(result.begins.begin(), result.begins.end() - 1);
  for (std::size_t p = 0; p < labels.size(); ++p)
    if (labels[p] != 0) result.positions[next[labels[p]]++] = static_cast<std::uint32_t>(p);
  return result;
}

void Extremes::add(int x, int y) {
  if (rows.empty()) top = y;
  if (y < top) {
    rows.insert(rows.begin(), static_cast<std::size_t>(top - y), {1, 0});
    top = y;
  }
  if (y - top >= static_cast<int>(rows.size())) rows.resize(static_cast<std::size_t>(y - top) + 1, {1, 0});
  auto& row = rows[static_cast<std::size_t>(y - top)];
  if (row.first > row.second) {
    row = {x, x};
  } else {
    row.first = std::min(row.first, x);
    row.second = std::max(row.second, x);
  }
}

void Extremes::add(const Extremes& other) {
  for (std::size_t i = 0; i < other.rows.size(); ++i) {
    if (other.rows[i].first > other.rows[i].second) continue;
    add(other.rows[i].first, other.top + static_cast<int>(i));
    add(other.rows[i].second, other.top + static_cast<int>(i));
  }
}

std::vector<Corner> convex_hull_of(const Extremes& extremes) {
  // Two chains from the top down, of the first and of the last columns.
  std::vector<Corner> left, right;
  const auto push = [](std::vector<Corner>& chain, Corner c, int sign) {
    while (chain.size() >= 2) {
      const Corner &a = chain[chain.size() - 2], &b = chain[chain.size() - 1];
      const std::int64_t cross =
          static_cast<std::int64_t>(b.x - a.x) * (c.y - a.y) - static_cast<std::int64_t>(b.y - a.y) * (c.x - a.x);
      if (sign * cross > 0) break;
      chain.pop_back();
    }
    chain.push_back(c);
  };
  for (std::size_t i = 0; i < extremes.rows.size(); ++i) {
    const auto [first, last] = extremes.rows[i];
    if (first > last) continue;
    const int y = extremes.top + static_cast<int>(i);
    push(left, {first, y}, -1);
    push(right, {last, y}, 1);
  }
  std::vector<Corner> hull = right;
  for (std::size_t i = left.size(); i-- > 0;) {
    const Corner& c = left[i];
    const auto same = [&](const Corner& other) { return other.x == c.x && other.y == c.y; };
    if (!hull.empty() && (same(hull.front()) || same(hull.back()))) continue;
    hull.push_back(c);
  }
  return hull;
}

double pixels_in(const std::vector<Corner>& hull) {
  if (hull.empty()) return 0;
  double twice_area = 0, on_edges = 0;
  for (std::size_t i = 0; i < hull.size(); ++i) {
    const Corner &a = hull[i], &b = hull[(i + 1) % hull.size()];
    twice_area += static_cast<double>(a.x) * b.y - static_cast<double>(b.x) * a.y;
    on_edges += std::gcd(std::abs(b.x - a.x), std::abs(b.y - a.y));
  }
  return std::fabs(twice_area) / 2 + on_edges / 2 + 1;
}

std::uint32_t renumber(Labels& labels, std::uint32_t count, const std::vector<bool>& keep, Labels* zones) {
  std::vector<std::uint32_t> numbers(static_cast<std::size_t>(count) + 1, 0);
  std::uint32_t next = 0;
  for (auto& label : labels.values) {
    if (label == 0) continue;
    if (!keep[label]) {
      label = 0;
    } else {
      if (numbers[label] == 0) numbers[label] = ++next;
      label = numbers[label];
    }
  }
  if (zones != nullptr)
    for (auto& zone : zones->values) zone = numbers[zone];
  return next;
}

namespace {

// Calls visit(position) for the part (joined by sides, all pixels with the label of `start`) that contains `start`.
// `seen` marks what was visited.
template <typename Visit>
void each_of_part(const Labels& labels, std::uint32_t start, std::vector<std::uint8_t>& seen, std::vector<std::uint32_t>& stack,
                  const Visit& visit) {
  const int width = labels.width, height = labels.height;
  const std::uint32_t label = labels[start];
  stack.assign(1, start);
  seen[start] = 1;
  while (!stack.empty()) {
    const std::uint32_t p = stack.back();
    stack.pop_back();
    visit(p);
    const int x = static_cast<int>(p % width), y = static_cast<int>(p / width);
    const auto look = [&](std::uint32_t q) {
      if (seen[q] || labels[q] != label) return;
      seen[q] = 1;
      stack.push_back(q);
    };
    if (x > 0) look(p - 1);
    if (x + 1 < width) look(p + 1);
    if (y > 0) look(p - width);
    if (y + 1 < height) look(p + width);
  }
}

}  // namespace

std::uint32_t keep_largest_parts(Labels& labels, std::uint32_t count, Labels* zones) {
  std::vector<std::uint8_t> seen(labels.size(), 0);
  std::vector<std::uint32_t> stack, part;
  std::vector<std::vector<std::uint32_t>> largest(static_cast<std::size_t>(count) + 1);
  for (std::size_t p = 0; p < labels.size(); ++p) {
    if (labels[p] == 0 || seen[p]) continue;
    part.clear();
    each_of_part(labels, static_cast<std::uint32_t>(p), seen, stack, [&](std::uint32_t q) { part.push_back(q); });
    auto& best = largest[labels[p]];
    std::vector<std::uint32_t>& loser = part.size() > best.size() ? best : part;
    for (const std::uint32_t q : loser) labels[q] = 0;
    for (const std::uint32_t q : loser) seen[q] = 1;
    if (part.size() > best.size()) best = part;
  }
  return renumber(labels, count, std::vector<bool>(static_cast<std::size_t>(count) + 1, true), zones);
}

void fill_enclosed(Labels& labels, std::size_t area, std::vector<Hole>* holes) {
  const int width = labels.width, height = labels.height;
  std::vector<std::uint8_t> seen(labels.size(), 0);
  std::vector<std::uint32_t> stack, part, around;
  for (std::size_t start = 0; start < labels.size(); ++start) {
    if (labels[start] != 0 || seen[start]) continue;
    part.clear();
    around.clear();
    bool open = false;
    each_of_part(labels, static_cast<std::uint32_t>(start), seen, stack, [&](std::uint32_t p) {
      const int x = static_cast<int>(p % width), y = static_cast<int>(p / width);
      if (x == 0 || y == 0 || x + 1 == width || y + 1 == height) open = true;
      if (open || part.size() > area) {
        open = true;
        return;
      }
      part.push_back(p);
      for (const std::uint32_t q : {p - 1, p + 1, p - width, p + width})
        if (labels[q] != 0 && std::find(around.begin(), around.end(), labels[q]) == around.end()) around.push_back(labels[q]);
    });
    if (open) continue;
    if (around.size() == 1) {
      for (const std::uint32_t p : part) labels[p] = around[0];
    } else if (holes != nullptr) {
      holes->push_back({around, part});
    }
  }
}

}  // namespace deepyeast
