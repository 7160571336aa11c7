#include "fragments.h"

#include <algorithm>

namespace deepyeast {
namespace {

struct Border {
  std::uint32_t a, b;
  double sum = 0;    // of the signal of the pixels on it
  std::size_t count = 0;
};

// Pairs of labels that touch, by sides or corners, each with what lies on both sides of their border.
std::vector<Border> borders_of(const Labels& labels, const Levels& levels) {
  struct Contact {
    std::uint64_t pair;
    float signal;
  };
  std::vector<Contact> contacts;
  const int width = labels.width, height = labels.height;
  const auto look = [&](std::size_t p, std::size_t q) {
    const std::uint32_t a = labels[p], b = labels[q];
    if (a == b || a == 0 || b == 0) return;
    const std::uint64_t pair = (static_cast<std::uint64_t>(std::min(a, b)) << 32) | std::max(a, b);
    contacts.push_back({pair, static_cast<float>(signal_at(std::min(levels[p], levels[q])))});
  };
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const std::size_t p = static_cast<std::size_t>(y) * width + x;
      if (labels[p] == 0) continue;
      if (x + 1 < width) look(p, p + 1);
      if (y + 1 < height) {
        look(p, p + width);
        if (x + 1 < width) look(p, p + width + 1);
        if (x > 0) look(p, p + width - 1);
      }
    }
  std::stable_sort(contacts.begin(), contacts.end(), [](const Contact& a, const Contact& b) { return a.pair < b.pair; });
  std::vector<Border> result;
  for (const Contact& contact : contacts) {
    const std::uint32_t a = static_cast<std::uint32_t>(contact.pair >> 32), b = static_cast<std::uint32_t>(contact.pair);
    if (result.empty() || result.back().a != a || result.back().b != b) result.push_back({a, b, 0, 0});
    result.back().sum += contact.signal;
    ++result.back().count;
  }
  return result;
}

}  // namespace

std::uint32_t join_fragments(Labels& labels, std::uint32_t count, const Levels& levels, const JoinRules& rules,
                             Labels* zones) {
  std::vector<Hole> holes;
  fill_enclosed(labels, static_cast<std::size_t>(rules.largest / 2), &holes);
  const auto borders = borders_of(labels, levels);
  if (borders.empty() && holes.empty()) return count;
  const RegionPixels pixels = pixels_of_regions(labels, count);
  std::vector<std::uint32_t> parents(static_cast<std::size_t>(count) + 1);
  for (std::uint32_t l = 0; l <= count; ++l) parents[l] = l;
  const auto find = [&](std::uint32_t l) {
    while (parents[l] != l) l = parents[l];
    return l;
  };
  std::vector<std::vector<std::size_t>> holes_at(parents.size());
  for (std::size_t h = 0; h < holes.size(); ++h)
    for (const std::uint32_t l : holes[h].labels) holes_at[l].push_back(h);
  std::vector<Extremes> extremes(parents.size());
  std::vector<double> areas(parents.size(), 0), medians(parents.size(), 0);
  std::vector<std::uint16_t> values;
  const auto prepare = [&](std::uint32_t l) {
    if (areas[l] != 0) return;
    areas[l] = static_cast<double>(pixels.area(l));
    values.clear();
    for (const std::uint32_t* p = pixels.begin(l); p != pixels.end(l); ++p) {
      values.push_back(levels[*p]);
      extremes[l].add(static_cast<int>(*p % labels.width), static_cast<int>(*p / labels.width));
    }
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    medians[l] = signal_at(values[values.size() / 2]);
  };
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < borders.size(); ++i) {
    prepare(borders[i].a);
    prepare(borders[i].b);
    const double mean = borders[i].sum / static_cast<double>(borders[i].count);
    order.push_back({1 - mean / std::min(medians[borders[i].a], medians[borders[i].b]), i});
  }
  std::sort(order.begin(), order.end());
  bool changed = true;
  for (int turn = 0; changed && turn < 4; ++turn) {
    changed = false;
    for (const auto& [depth, i] : order) {
      const std::uint32_t a = find(borders[i].a), b = find(borders[i].b);
      if (a == b) continue;
      if (areas[a] + areas[b] > rules.largest) continue;
      Extremes both = extremes[a];
      both.add(extremes[b]);
      double area = areas[a] + areas[b];
      const auto enclosed = [&](std::size_t h) {
        for (const std::uint32_t l : holes[h].labels)
          if (find(l) != a && find(l) != b) return false;
        return true;
      };
      for (const std::size_t h : holes_at[a])
        if (enclosed(h)) area += static_cast<double>(holes[h].positions.size());
      const double solidity = area / pixels_in(convex_hull_of(both));
      if (solidity < rules.solidity + rules.per_depth * std::max(0.0, depth)) continue;
      const std::uint32_t root = std::min(a, b), other = std::max(a, b);
      parents[other] = root;
      extremes[root] = std::move(both);
      areas[root] = area;
      for (const std::size_t h : holes_at[other])
        if (!std::count(holes_at[root].begin(), holes_at[root].end(), h)) holes_at[root].push_back(h);
      for (const std::size_t h : holes_at[root]) {
        bool inside = true;
        for (const std::uint32_t l : holes[h].labels) inside = inside && find(l) == root;
        if (!inside) continue;
        for (const std::uint32_t p : holes[h].positions) labels[p] = root;
        holes[h].positions.clear();
      }
      changed = true;
    }
  }
  for (auto& label : labels.values) label = find(label);
  if (zones != nullptr)
    for (auto& zone : zones->values) zone = find(zone);
  return renumber(labels, count, std::vector<bool>(parents.size(), true), zones);
}

}  // namespace deepyeast
