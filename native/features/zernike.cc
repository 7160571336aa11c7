// Zernike moments up to degree nine about the smallest circle around the cell: of its outline (CellProfiler's
// AreaShape_Zernike: magnitude over the circle's area) and of each channel (RadialDistribution_ZernikeMagnitude:
// magnitude over the number of pixels).
#include <algorithm>
#include <cmath>
#include <complex>

#include "classic_features.h"
#include "region.h"

namespace deepyeast {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int kDegree = 9;

struct Circle {
  Point centre;
  double radius;
};

bool holds(const Circle& circle, const Point& p) {
  return std::hypot(p.x - circle.centre.x, p.y - circle.centre.y) <= circle.radius * (1 + 1e-12) + 1e-9;
}

Circle through(const Point& a, const Point& b) {
  const Point centre{(a.x + b.x) / 2, (a.y + b.y) / 2};
  return {centre, std::hypot(a.x - b.x, a.y - b.y) / 2};
}

Circle through(const Point& a, const Point& b, const Point& c) {
  const double bx = b.x - a.x, by = b.y - a.y, cx = c.x - a.x, cy = c.y - a.y;
  const double d = 2 * (bx * cy - by * cx);
  if (d == 0) {  // points on a line: the circle of the two that are farthest apart
    const Circle one = through(a, b), two = through(a, c), three = through(b, c);
    return std::max({one, two, three}, [](const Circle& u, const Circle& v) { return u.radius < v.radius; });
  }
  const double x = (cy * (bx * bx + by * by) - by * (cx * cx + cy * cy)) / d;
  const double y = (bx * (cx * cx + cy * cy) - cx * (bx * bx + by * by)) / d;
  return {{a.x + x, a.y + y}, std::hypot(x, y)};
}

// Welzl's algorithm, which adds the hull's few corners one by one.
Circle smallest_circle(const std::vector<Point>& points) {
  Circle circle{points[0], 0};
  for (std::size_t i = 1; i < points.size(); ++i) {
    if (holds(circle, points[i])) continue;
    circle = {points[i], 0};
    for (std::size_t j = 0; j < i; ++j) {
      if (holds(circle, points[j])) continue;
      circle = through(points[i], points[j]);
      for (std::size_t k = 0; k < j; ++k) {
        if (!holds(circle, points[k])) circle = through(points[i], points[j], points[k]);
      }
    }
  }
  return circle;
}

struct Polynomial {
  int n, m;
  std::vector<double> coefficients;  // of r^m, r^(m+2), ..., r^n
};

double factorial(int n) { return n < 2 ? 1 : n * factorial(n - 1); }

const std::vector<Polynomial>& polynomials() {
  static const std::vector<Polynomial> all = [] {
    std::vector<Polynomial> made;
    for (int n = 0; n <= kDegree; ++n) {
      for (int m = n % 2; m <= n; m += 2) {
        Polynomial polynomial{n, m, std::vector<double>(static_cast<std::size_t>((n - m) / 2 + 1))};
        for (int k = 0; k <= (n - m) / 2; ++k) {
          polynomial.coefficients[static_cast<std::size_t>((n - m) / 2 - k)] =
              (k % 2 == 0 ? 1 : -1) * factorial(n - k) /
              (factorial(k) * factorial((n + m) / 2 - k) * factorial((n - m) / 2 - k));
        }
        made.push_back(std::move(polynomial));
      }
    }
    return made;
  }();
  return all;
}

}  // namespace

void measure_zernike(const CellView& cell, FeatureRow& row) {
  std::vector<Point> points;
  for (const int pixel : cell.pixels) points.push_back({double(pixel % cell.size), double(pixel / cell.size)});
  Circle circle = smallest_circle(convex_hull(points));
  circle.radius = std::max(circle.radius, 0.5);
  // The outline first, then the channels.
  std::vector<std::complex<double>> sums[1 + kClassicChannels];
  for (auto& sum : sums) sum.resize(polynomials().size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto at = static_cast<std::size_t>(cell.pixels[i]);
    const std::complex<double> z((points[i].x - circle.centre.x) / circle.radius,
                                 (points[i].y - circle.centre.y) / circle.radius);
    const double square = std::norm(z);
    std::complex<double> powers[kDegree + 1] = {1};
    for (int m = 1; m <= kDegree; ++m) powers[m] = powers[m - 1] * z;
    for (std::size_t p = 0; p < polynomials().size(); ++p) {
      const auto& coefficients = polynomials()[p].coefficients;
      double radial = 0;
      for (std::size_t k = coefficients.size(); k-- > 0;) radial = radial * square + coefficients[k];
      const std::complex<double> term = radial * powers[polynomials()[p].m];
      sums[0][p] += term;
      for (int channel = 0; channel < kClassicChannels; ++channel) {
        sums[1 + channel][p] += static_cast<double>(cell.values[channel][at]) * term;
      }
    }
  }
  const auto place = [](const Polynomial& polynomial) {
    return std::to_string(polynomial.n) + "_" + std::to_string(polynomial.m);
  };
  const double area = kPi * circle.radius * circle.radius;
  for (std::size_t p = 0; p < polynomials().size(); ++p) {
    row.add(std::abs(sums[0][p]) / area, [&] { return "AreaShape_Zernike_" + place(polynomials()[p]); });
  }
  for (int channel = 0; channel < kClassicChannels; ++channel) {
    for (std::size_t p = 0; p < polynomials().size(); ++p) {
      row.add(std::abs(sums[1 + channel][p]) / static_cast<double>(points.size()), [&] {
        return std::string("RadialDistribution_ZernikeMagnitude_") + kChannelNames[channel] + "_" +
               place(polynomials()[p]);
      });
    }
  }
}

}  // namespace deepyeast
