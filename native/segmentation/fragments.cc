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
  std::vector<double> depths(borders.size());
  std::vector<std::vector<std::size_t>> borders_at(parents.size());
  for (std::size_t i = 0; i < borders.size(); ++i) {
    prepare(borders[i].a);
    prepare(borders[i].b);
    const double mean = borders[i].sum / static_cast<double>(borders[i].count);
    depths[i] = std::max(0.0, 1 - mean / std::min(medians[borders[i].a], medians[borders[i].b]));
    borders_at[borders[i].a].push_back(i);
    borders_at[borders[i].b].push_back(i);
  }

  struct Union {
    std::vector<std::uint32_t> roots;
    double margin = -1;  // of its solidity over what is needed
    double area = 0;
    Extremes extremes;
    std::vector<std::size_t> inside;  // holes
  };
  const auto united = [&](const std::vector<std::uint32_t>& roots, double depth) {
    Union result;
    result.roots = roots;
    double& area = result.area;
    for (const std::uint32_t r : roots) area += areas[r];
    if (area > rules.largest) return result;
    Extremes& all = result.extremes;
    for (const std::uint32_t r : roots) all.add(extremes[r]);
    const auto enclosed = [&](std::size_t h) {
      for (const std::uint32_t l : holes[h].labels)
        if (std::find(roots.begin(), roots.end(), find(l)) == roots.end()) return false;
      return true;
    };
    std::vector<std::size_t>& inside = result.inside;
    for (const std::uint32_t r : roots)
      for (const std::size_t h : holes_at[r])
        if (enclosed(h) && std::find(inside.begin(), inside.end(), h) == inside.end()) inside.push_back(h);
    for (const std::size_t h : inside) area += static_cast<double>(holes[h].positions.size());
    const double needed = (roots.size() > 2 ? rules.solidity_of_three : rules.solidity) + rules.per_depth * depth + rules.per_area * std::max(0.0, area / rules.typical - 1);
    result.margin = area / pixels_in(convex_hull_of(all)) - needed;
    return result;
  };
  const auto join = [&](Union& one) {
    const std::uint32_t root = *std::min_element(one.roots.begin(), one.roots.end());
    extremes[root] = std::move(one.extremes);
    areas[root] = one.area;
    for (const std::uint32_t r : one.roots) {
      if (r == root) continue;
      parents[r] = root;
      holes_at[root].insert(holes_at[root].end(), holes_at[r].begin(), holes_at[r].end());
      borders_at[root].insert(borders_at[root].end(), borders_at[r].begin(), borders_at[r].end());
    }
    for (const std::size_t h : one.inside) {
      for (const std::uint32_t p : holes[h].positions) labels[p] = root;
      holes[h].positions.clear();
    }
  };
  // The most convex unions come first, so that the two halves of a cell find each other before a neighbour does. In one turn a
  // region is joined once; unions are measured again in the next.
  std::vector<bool> open(borders.size(), true);  // borders whose union may have changed
  std::vector<bool> joined(parents.size());
  for (bool changed = true; changed;) {
    changed = false;
    std::vector<Union> unions;
    for (std::size_t i = 0; i < borders.size(); ++i) {
      const std::uint32_t a = find(borders[i].a), b = find(borders[i].b);
      if (a == b || !open[i]) continue;
      open[i] = false;
      Union pair = united({a, b}, depths[i]);
      if (pair.margin >= 0) {
        open[i] = true;
        unions.push_back(std::move(pair));
        continue;
      }
      // Three sectors of a disc: no two of them are convex together.
      for (const std::size_t second : borders_at[a]) {
        const std::uint32_t one = find(borders[second].a), other = find(borders[second].b), c = one == a ? other : one;
        if (c == a || c == b || areas[a] + areas[b] + areas[c] > rules.largest) continue;
        for (const std::size_t third : borders_at[b]) {
          const std::uint32_t d = find(borders[third].a), e = find(borders[third].b);
          if ((d == b ? e : d) != c) continue;
          Union three = united({a, b, c}, std::max({depths[i], depths[second], depths[third]}));
          if (three.margin >= 0) {
            open[i] = true;
            unions.push_back(std::move(three));
          }
          break;
        }
      }
    }
    std::stable_sort(unions.begin(), unions.end(), [](const Union& x, const Union& y) { return x.margin > y.margin; });
    joined.assign(joined.size(), false);
    for (Union& one : unions) {
      bool free = true;
      for (const std::uint32_t r : one.roots) free = free && !joined[r];
      if (!free) continue;
      for (const std::uint32_t r : one.roots) joined[r] = true;
      join(one);
      changed = true;
      // What touches the new region is looked at again.
      for (const std::size_t i : borders_at[find(one.roots[0])]) {
        open[i] = true;
        for (const std::uint32_t side : {find(borders[i].a), find(borders[i].b)})
          for (const std::size_t k : borders_at[side]) open[k] = true;
      }
    }
  }
  for (auto& label : labels.values) label = find(label);
  if (zones != nullptr)
    for (auto& zone : zones->values) zone = find(zone);
  return renumber(labels, count, std::vector<bool>(parents.size(), true), zones);
}

}  // namespace deepyeast
