#include "region.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace deepyeast {
namespace {

constexpr double kPi = 3.14159265358979323846;

bool inside(const Mask& mask, int size, int y, int x) {
  return y >= 0 && y < size && x >= 0 && x < size && mask[static_cast<std::size_t>(y * size + x)] != 0;
}

double cross(const Point& o, const Point& a, const Point& b) {
  return (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
}

// The midpoints of the foreground pixels' sides that touch the background: points of the contour at one half.
std::vector<Point> side_middles(const Mask& mask, int size) {
  std::vector<Point> points;
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      if (!inside(mask, size, y, x)) continue;
      if (!inside(mask, size, y - 1, x)) points.push_back({double(x), y - 0.5});
      if (!inside(mask, size, y + 1, x)) points.push_back({double(x), y + 0.5});
      if (!inside(mask, size, y, x - 1)) points.push_back({x - 0.5, double(y)});
      if (!inside(mask, size, y, x + 1)) points.push_back({x + 0.5, double(y)});
    }
  }
  return points;
}

// Pixels whose centres lie in the convex hull or on it. Coordinates are halves, so the products are exact.
Mask filled_hull(const std::vector<Point>& hull, int size) {
  Mask result(static_cast<std::size_t>(size) * size);
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      const Point point{double(x), double(y)};
      bool in = !hull.empty();
      for (std::size_t i = 0; i < hull.size() && in; ++i) in = cross(hull[i], hull[(i + 1) % hull.size()], point) >= 0;
      result[static_cast<std::size_t>(y * size + x)] = in;
    }
  }
  return result;
}

// The perimeter of Benkrid, Crookes and Benkrid (2000) as in scikit-image: border pixels, weighted by their neighbours.
double perimeter_of(const Mask& mask, int size) {
  Mask border(mask.size());
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      border[static_cast<std::size_t>(y * size + x)] =
          inside(mask, size, y, x) && !(inside(mask, size, y - 1, x) && inside(mask, size, y + 1, x) &&
                                        inside(mask, size, y, x - 1) && inside(mask, size, y, x + 1));
    }
  }
  double perimeter = 0;
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      if (!inside(border, size, y, x)) continue;
      int sides = 0, corners = 0;
      for (int dy = -1; dy <= 1; ++dy) {
        for (int dx = -1; dx <= 1; ++dx) {
          if (dy != 0 || dx != 0) (dy == 0 || dx == 0 ? sides : corners) += inside(border, size, y + dy, x + dx);
        }
      }
      switch (1 + 2 * sides + 10 * corners) {
        case 5: case 7: case 15: case 17: case 25: case 27: perimeter += 1; break;
        case 21: case 33: perimeter += std::sqrt(2.0); break;
        case 13: case 23: perimeter += (1 + std::sqrt(2.0)) / 2; break;
        default: break;
      }
    }
  }
  return perimeter;
}

// Least and greatest distance between two parallel lines that enclose the hull.
void feret_diameters(const std::vector<Point>& hull, double* least, double* greatest) {
  *greatest = 0;
  *least = hull.size() < 3 ? 0 : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < hull.size(); ++i) {
    const Point& a = hull[i];
    const Point& b = hull[(i + 1) % hull.size()];
    const double length = std::hypot(b.x - a.x, b.y - a.y);
    double width = 0;
    for (const Point& c : hull) {
      *greatest = std::max(*greatest, std::hypot(c.x - a.x, c.y - a.y));
      width = std::max(width, cross(a, b, c) / length);
    }
    if (hull.size() >= 3) *least = std::min(*least, width);
  }
}

std::array<double, 7> hu_moments(const double (&mu)[4][4]) {
  const auto eta = [&](int p, int q) { return mu[p][q] / std::pow(mu[0][0], (p + q) / 2.0 + 1); };
  const double n20 = eta(2, 0), n02 = eta(0, 2), n11 = eta(1, 1);
  const double n30 = eta(3, 0), n21 = eta(2, 1), n12 = eta(1, 2), n03 = eta(0, 3);
  const double a = n30 + n12, b = n21 + n03, c = n30 - 3 * n12, d = 3 * n21 - n03;
  return {n20 + n02,
          (n20 - n02) * (n20 - n02) + 4 * n11 * n11,
          c * c + d * d,
          a * a + b * b,
          c * a * (a * a - 3 * b * b) + d * b * (3 * a * a - b * b),
          (n20 - n02) * (a * a - b * b) + 4 * n11 * a * b,
          d * a * (a * a - 3 * b * b) - c * b * (3 * a * a - b * b)};
}

}  // namespace

int otsu_threshold(const std::array<std::uint32_t, 256>& histogram) {
  double total = 0, sum = 0;
  for (int value = 0; value < 256; ++value) {
    total += histogram[static_cast<std::size_t>(value)];
    sum += static_cast<double>(value) * histogram[static_cast<std::size_t>(value)];
  }
  double below = 0, sum_below = 0, best = 0;
  int threshold = -1;
  for (int value = 0; value < 255; ++value) {
    below += histogram[static_cast<std::size_t>(value)];
    sum_below += static_cast<double>(value) * histogram[static_cast<std::size_t>(value)];
    const double above = total - below;
    if (below == 0 || above == 0) continue;
    const double difference = sum_below / below - (sum - sum_below) / above;
    const double variance = below * above * difference * difference;
    if (variance > best) {
      best = variance;
      threshold = value;
    }
  }
  return threshold;
}

std::vector<double> distance_transform(const Mask& mask, int size) {
  // The distance along the column, then the minimum over the row. Both treat everything outside the image as background.
  std::vector<int> column(mask.size());
  for (int x = 0; x < size; ++x) {
    int run = 0;
    for (int y = 0; y < size; ++y) {
      const auto at = static_cast<std::size_t>(y * size + x);
      run = mask[at] != 0 ? run + 1 : 0;
      column[at] = run;
    }
    run = 0;
    for (int y = size - 1; y >= 0; --y) {
      const auto at = static_cast<std::size_t>(y * size + x);
      run = mask[at] != 0 ? run + 1 : 0;
      column[at] = std::min(column[at], run);
    }
  }
  std::vector<double> distance(mask.size());
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      const auto at = static_cast<std::size_t>(y * size + x);
      if (mask[at] == 0) continue;
      const int side = std::min(x + 1, size - x);
      int least = side * side;
      for (int other = 0; other < size; ++other) {
        const int vertical = column[static_cast<std::size_t>(y * size + other)];
        least = std::min(least, (other - x) * (other - x) + vertical * vertical);
      }
      distance[at] = std::sqrt(static_cast<double>(least));
    }
  }
  return distance;
}

std::vector<int> connected_components(const Mask& mask, int size, int* count) {
  std::vector<int> labels(mask.size());
  std::vector<int> stack;
  int number = 0;
  for (int start = 0; start < size * size; ++start) {
    if (mask[static_cast<std::size_t>(start)] == 0 || labels[static_cast<std::size_t>(start)] != 0) continue;
    labels[static_cast<std::size_t>(start)] = ++number;
    stack.push_back(start);
    while (!stack.empty()) {
      const int y = stack.back() / size, x = stack.back() % size;
      stack.pop_back();
      for (int dy = -1; dy <= 1; ++dy) {
        for (int dx = -1; dx <= 1; ++dx) {
          if (!inside(mask, size, y + dy, x + dx)) continue;
          const auto at = static_cast<std::size_t>((y + dy) * size + x + dx);
          if (labels[at] != 0) continue;
          labels[at] = number;
          stack.push_back(static_cast<int>(at));
        }
      }
    }
  }
  *count = number;
  return labels;
}

void fill_holes(Mask& mask, int size) {
  Mask outside(mask.size());
  std::vector<int> stack;
  const auto visit = [&](int y, int x) {
    if (y < 0 || y >= size || x < 0 || x >= size) return;
    const auto at = static_cast<std::size_t>(y * size + x);
    if (mask[at] != 0 || outside[at] != 0) return;
    outside[at] = 1;
    stack.push_back(static_cast<int>(at));
  };
  for (int i = 0; i < size; ++i) {
    visit(0, i);
    visit(size - 1, i);
    visit(i, 0);
    visit(i, size - 1);
  }
  while (!stack.empty()) {
    const int y = stack.back() / size, x = stack.back() % size;
    stack.pop_back();
    visit(y - 1, x);
    visit(y + 1, x);
    visit(y, x - 1);
    visit(y, x + 1);
  }
  for (std::size_t at = 0; at < mask.size(); ++at) mask[at] = outside[at] == 0;
}

std::vector<Point> convex_hull(std::vector<Point> points) {
  const auto before = [](const Point& a, const Point& b) { return a.x < b.x || (a.x == b.x && a.y < b.y); };
  std::sort(points.begin(), points.end(), before);
  const auto same = [](const Point& a, const Point& b) { return a.x == b.x && a.y == b.y; };
  points.erase(std::unique(points.begin(), points.end(), same), points.end());
  if (points.size() < 3) return points;
  std::vector<Point> hull;
  for (int half = 0; half < 2; ++half) {
    const std::size_t base = hull.size();
    for (const Point& point : points) {
      while (hull.size() >= base + 2 && cross(hull[hull.size() - 2], hull.back(), point) <= 0) hull.pop_back();
      hull.push_back(point);
    }
    hull.pop_back();
    std::reverse(points.begin(), points.end());
  }
  return hull;
}

RegionShape region_shape(const Mask& mask, int size) {
  RegionShape shape;
  double sum_x = 0, sum_y = 0;
  int left = size, right = -1, top = size, bottom = -1;
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      if (!inside(mask, size, y, x)) continue;
      shape.area += 1;
      sum_x += x;
      sum_y += y;
      left = std::min(left, x);
      right = std::max(right, x);
      top = std::min(top, y);
      bottom = std::max(bottom, y);
    }
  }
  if (shape.area == 0) return shape;
  shape.centre_x = sum_x / shape.area;
  shape.centre_y = sum_y / shape.area;
  shape.bounding_box_area = double(right - left + 1) * (bottom - top + 1);
  shape.extent = shape.area / shape.bounding_box_area;
  shape.perimeter = perimeter_of(mask, size);
  if (shape.perimeter > 0) shape.form_factor = 4 * kPi * shape.area / (shape.perimeter * shape.perimeter);

  double mu[4][4] = {};  // central moments: powers of y, then of x
  for (int y = top; y <= bottom; ++y) {
    for (int x = left; x <= right; ++x) {
      if (!inside(mask, size, y, x)) continue;
      double power_y = 1;
      for (int p = 0; p < 4; ++p, power_y *= y - shape.centre_y) {
        double power = power_y;
        for (int q = 0; p + q < 4; ++q, power *= x - shape.centre_x) mu[p][q] += power;
      }
    }
  }
  const double yy = mu[2][0] / shape.area, xx = mu[0][2] / shape.area, xy = mu[1][1] / shape.area;
  const double half_sum = (yy + xx) / 2, root = std::hypot((yy - xx) / 2, xy);
  const double large = half_sum + root, small = std::max(0.0, half_sum - root);
  shape.major_axis = 4 * std::sqrt(large);
  shape.minor_axis = 4 * std::sqrt(small);
  shape.eccentricity = large > 0 ? std::sqrt(std::max(0.0, 1 - small / large)) : 0;
  // As in scikit-image, from the inertia tensor [[xx, -xy], [-xy, yy]].
  shape.orientation = xx == yy ? (xy > 0 ? kPi / 4 : xy < 0 ? -kPi / 4 : 0) : 0.5 * std::atan2(2 * xy, yy - xx);
  shape.hu = hu_moments(mu);

  const Mask convex = filled_hull(convex_hull(side_middles(mask, size)), size);
  for (const std::uint8_t in : convex) shape.convex_area += in;
  shape.solidity = shape.area / shape.convex_area;
  feret_diameters(convex_hull(side_middles(convex, size)), &shape.min_feret, &shape.max_feret);
  return shape;
}

}  // namespace deepyeast
