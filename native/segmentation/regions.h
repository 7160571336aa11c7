// The regions of a label image: their pixels, boxes, outlines' extremes and hulls.
#pragma once

#include <utility>

#include "grid.h"

namespace deepyeast {

// Positions of the pixels of each label, one label after the other. Label l (1 to count) has those of [begins[l],
// begins[l + 1]), in rising order.
struct RegionPixels {
  std::vector<std::uint32_t> begins, positions;
  std::size_t area(std::uint32_t label) const { return begins[label + 1] - begins[label]; }
  const std::uint32_t* begin(std::uint32_t label) const { return positions.data() + begins[label]; }
  const std::uint32_t* end(std::uint32_t label) const { return positions.data() + begins[label + 1]; }
};
RegionPixels pixels_of_regions(const Labels& labels, std::uint32_t count);

// For each row of a region its first and last column; what the convex hull needs.
struct Extremes {
  int top = 0;
  std::vector<std::pair<int, int>> rows;  // first > last: no pixel in this row

  void add(int x, int y);
  void add(const Extremes& other);
};

// A convex polygon's corners, which are pixels.
struct Corner {
  int x, y;
};
std::vector<Corner> convex_hull_of(const Extremes& extremes);
// Number of pixels inside the polygon and on its edges (Pick's theorem): at least the region's area, and equal to it
// for a convex region.
double pixels_in(const std::vector<Corner>& hull);
// Calls function(y, first, last) for the pixels of each row inside the polygon.
template <typename Function>
void each_row_of(const std::vector<Corner>& hull, const Function& function);

// Drops regions for which keep[label] is false and numbers the others from 1 without gaps, in the order of their first
// pixels. Returns their number. `zones`, if given, has the same labels on other pixels and follows.
std::uint32_t renumber(Labels& labels, std::uint32_t count, const std::vector<bool>& keep, Labels* zones = nullptr);

// Of each label only its largest part (joined by sides) is kept; what is left over becomes background. Returns the number
// of labels that are left, numbered from 1 in the order of their first pixels.
std::uint32_t keep_largest_parts(Labels& labels, std::uint32_t count, Labels* zones = nullptr);

// Background that one region encloses becomes that region's. `holes`, if given, receives those enclosed by several
// regions, of at most `area` pixels.
struct Hole {
  std::vector<std::uint32_t> labels, positions;
};
void fill_enclosed(Labels& labels, std::size_t area, std::vector<Hole>* holes);

template <typename Function>
void each_row_of(const std::vector<Corner>& hull, const Function& function) {
  if (hull.empty()) return;
  int top = hull[0].y, bottom = hull[0].y;
  for (const Corner& corner : hull) {
    top = corner.y < top ? corner.y : top;
    bottom = corner.y > bottom ? corner.y : bottom;
  }
  for (int y = top; y <= bottom; ++y) {
    double first = 1e18, last = -1e18;
    for (std::size_t i = 0; i < hull.size(); ++i) {
      const Corner& a = hull[i];
      const Corner& b = hull[(i + 1) % hull.size()];
      if ((y < a.y && y < b.y) || (y > a.y && y > b.y)) continue;
      double x0 = a.x, x1 = b.x;
      if (a.y != b.y) x0 = x1 = a.x + static_cast<double>(b.x - a.x) * (y - a.y) / (b.y - a.y);
      for (const double x : {x0, x1}) {
        first = x < first ? x : first;
        last = x > last ? x : last;
      }
    }
    const int left = static_cast<int>(first - 1e-9 + 1);  // rounded up
    const int right = static_cast<int>(last + 1e-9);
    if (left <= right) function(y, left, right);
  }
}

}  // namespace deepyeast
