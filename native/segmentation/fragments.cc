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
  std::vector<double> depths(borders.size());
  std::vector<std::vector<std::size_t>> borders_at(parents.size());
  for (std::size_t i = 0; i < borders.size(); ++i) {
    prepare(borders[i].a);
    prepare(borders[i].b);
    const double mean = borders[i].sum / static_cast<double>(borders[i].count);
    depths[i] = std::max(0.0, 1 - mean / std::min(medians[borders[i].a], medians[borders[i].b]));
    order.push_back({depths[i], i});
    borders_at[borders[i].a].push_back(i);
    borders_at[borders[i].b].push_back(i);
  }
  std::sort(order.begin(), order.end());

  // Joins the roots where they make one convex body.
  const auto try_to_join = [&](const std::vector<std::uint32_t>& roots, double depth) {
    double area = 0;
    for (const std::uint32_t r : roots) area += areas[r];
    if (area > rules.largest) return false;
    Extremes all;
    for (const std::uint32_t r : roots) all.add(extremes[r]);
    const auto enclosed = [&](std::size_t h) {
      for (const std::uint32_t l : holes[h].labels)
        if (std::find(roots.begin(), roots.end(), find(l)) == roots.end()) return false;
      return true;
    };
    std::vector<std::size_t> inside;
    for (const std::uint32_t r : roots)
      for (const std::size_t h : holes_at[r])
        if (enclosed(h) && std::find(inside.begin(), inside.end(), h) == inside.end()) inside.push_back(h);
    for (const std::size_t h : inside) area += static_cast<double>(holes[h].positions.size());
    const double needed = rules.solidity + rules.per_depth * depth + rules.per_area * std::max(0.0, area / rules.typical - 1);
    if (area < needed * pixels_in(convex_hull_of(all))) return false;
    const std::uint32_t root = *std::min_element(roots.begin(), roots.end());
    extremes[root] = std::move(all);
    areas[root] = area;
    for (const std::uint32_t r : roots) {
      if (r == root) continue;
      parents[r] = root;
      holes_at[root].insert(holes_at[root].end(), holes_at[r].begin(), holes_at[r].end());
      borders_at[root].insert(borders_at[root].end(), borders_at[r].begin(), borders_at[r].end());
    }
    for (const std::size_t h : inside) {
      for (const std::uint32_t p : holes[h].positions) labels[p] = root;
      holes[h].positions.clear();
    }
    return true;
  };
  bool changed = true;
  for (int turn = 0; changed && turn < 4; ++turn) {
    changed = false;
    for (const auto& [depth, i] : order) {
      const std::uint32_t a = find(borders[i].a), b = find(borders[i].b);
      if (a == b) continue;
      bool joined = try_to_join({a, b}, depth);
      // Three sectors of a disc: no two of them are convex together.
      for (std::size_t k = 0; !joined && k < borders_at[a].size(); ++k) {
        const std::size_t second = borders_at[a][k];
        const std::uint32_t one = find(borders[second].a), other = find(borders[second].b), c = one == a ? other : one;
        if (c == a || c == b || areas[a] + areas[b] + areas[c] > rules.largest) continue;
        for (const std::size_t third : borders_at[b]) {
          const std::uint32_t d = find(borders[third].a), e = find(borders[third].b);
          if ((d == b ? e : d) != c) continue;
          joined = try_to_join({a, b, c}, std::max({depth, depths[second], depths[third]}));
          break;
        }
      }
      changed = changed || joined;
    }
  }
  for (auto& label : labels.values) label = find(label);
  if (zones != nullptr)
    for (auto& zone : zones->values) zone = find(zone);
  return renumber(labels, count, std::vector<bool>(parents.size(), true), zones);
}

}  // namespace deepyeast
