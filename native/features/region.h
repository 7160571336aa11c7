// Binary images and their regions: thresholds, distances, components, shape. Images are square, [size, size], 0 or 1.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace deepyeast {

using Mask = std::vector<std::uint8_t>;

// Otsu's threshold of a histogram: values above it are foreground. -1 where all values are equal.
int otsu_threshold(const std::array<std::uint32_t, 256>& histogram);

// Euclidean distance of each foreground pixel to the nearest background pixel; all pixels outside the image are
// background. Exact.
std::vector<double> distance_transform(const Mask& mask, int size);

// The connected components of the foreground (by sides or corners), numbered from 1 in the order of their first pixels;
// 0: background.
std::vector<int> connected_components(const Mask& mask, int size, int* count);

// Fills holes: background that is not connected (by sides) to the border becomes foreground.
void fill_holes(Mask& mask, int size);

struct Point {
  double x, y;
};

// The convex hull's corners, anticlockwise in a frame with y upward; collinear points are left out.
std::vector<Point> convex_hull(std::vector<Point> points);

struct RegionShape {
  double area = 0, perimeter = 0, convex_area = 0;
  double centre_x = 0, centre_y = 0;
  double major_axis = 0, minor_axis = 0;  // of the ellipse with the same second moments, full lengths
  double orientation = 0;                 // radians, -pi/2 to pi/2, between the rows' axis and the major axis
  double eccentricity = 0, solidity = 0, extent = 0, form_factor = 0;
  double bounding_box_area = 0;
  double max_feret = 0, min_feret = 0;
  std::array<double, 7> hu{};             // Hu's moments of the region's uniform image
};

// scikit-image's region properties of the foreground. Zero everywhere for an empty mask.
RegionShape region_shape(const Mask& mask, int size);

}  // namespace deepyeast
