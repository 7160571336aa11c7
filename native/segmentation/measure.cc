#include "measure.h"

#include <algorithm>
#include <cmath>

#include "background.h"
#include "bands.h"
#include "buds.h"
#include "regions.h"
#include "signal.h"
#include "smoothing.h"

namespace deepyeast {
namespace {

constexpr double kPi = 3.14159265358979;
constexpr double kDeadBright = 1.8, kDeadDim = 0.25;  // times the median level of the field's cells
constexpr double kDeadTexture = 0.5;                  // bright spots in a dim body
constexpr double kBlurred = 0.6;                      // times the field's focus
constexpr double kSaturatedShare = 0.01;              // of the cell's pixels
constexpr double kLargestArea = 2.5;                  // times the median area of the field's cells
constexpr double kLeastSolidity = 0.9;
constexpr double kMostContact = 0.4;                  // of the outline

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  const std::size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle), values.end());
  return values[middle];
}

void measure_shape(CellMeasurement& cell, const std::uint32_t* begin, const std::uint32_t* end, int width) {
  const double n = static_cast<double>(end - begin);
  Extremes extremes;
  double sx = 0, sy = 0;
  for (const std::uint32_t* p = begin; p != end; ++p) {
    const int x = static_cast<int>(*p % static_cast<std::uint32_t>(width)), y = static_cast<int>(*p / static_cast<std::uint32_t>(width));
    sx += x;
    sy += y;
    extremes.add(x, y);
  }
  cell.area = static_cast<std::size_t>(end - begin);
  cell.x = sx / n;
  cell.y = sy / n;
  double xx = 0, yy = 0, xy = 0;
  for (const std::uint32_t* p = begin; p != end; ++p) {
    const double dx = *p % static_cast<std::uint32_t>(width) - cell.x, dy = *p / static_cast<std::uint32_t>(width) - cell.y;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  // A pixel is a square: its own second moment is 1/12 (as scikit-image's regionprops has it).
  xx = xx / n + 1.0 / 12;
  yy = yy / n + 1.0 / 12;
  xy /= n;
  const double middle = (xx + yy) / 2, spread = std::sqrt((xx - yy) * (xx - yy) / 4 + xy * xy);
  cell.major_axis = 4 * std::sqrt(middle + spread);
  cell.minor_axis = 4 * std::sqrt(std::max(0.0, middle - spread));
  cell.solidity = n / pixels_in(convex_hull_of(extremes));
}

}  // namespace

double saturation_of(const Image& image) {
  float greatest = 0;
  for (const float value : image.values) greatest = std::max(greatest, value);
  for (const int bits : {8, 10, 11, 12, 14, 15, 16})
    if (greatest == static_cast<float>((1 << bits) - 1)) return greatest;
  return 0;
}

Measurements measure(const Labels& labels, std::uint32_t count, std::vector<MeasureChannel> channels, double diameter,
                     int threads, const std::atomic<bool>* cancelled) {
  const Bands bands(threads, cancelled);
  const int width = labels.width, height = labels.height;
  Measurements result;
  result.cells.resize(count);
  if (labels.size() == 0 || channels.empty()) return result;
  const RegionPixels pixels = pixels_of_regions(labels, count);
  std::vector<double> areas;
  for (std::uint32_t l = 1; l <= count; ++l)
    if (pixels.area(l) > 0) areas.push_back(static_cast<double>(pixels.area(l)));
  const double typical_area = median_of(areas);
  if (!(diameter > 0)) diameter = std::sqrt(4 / kPi * typical_area);
  if (!(diameter >= 1)) diameter = std::max(1.0, std::min(width, height) / 16.0);
  bands.check();

  const auto mothers = mothers_of(labels, count);
  Image smooth;  // the marker's, above the background
  for (std::size_t c = 0; c < channels.size(); ++c) {
    Image& image = channels[c].image;
    make_finite(image);
    Image smoothed = gaussian(image, 0.05 * diameter, bands);
    const Image background = background_of(smoothed, diameter);
    bands.check();
    for (std::uint32_t l = 1; l <= count; ++l) {
      double sum = 0, below = 0;
      std::size_t saturated = 0;
      for (const std::uint32_t* p = pixels.begin(l); p != pixels.end(l); ++p) {
        sum += image[*p];
        below += background[*p];
        if (channels[c].saturation > 0 && image[*p] >= channels[c].saturation) ++saturated;
      }
      const double n = static_cast<double>(pixels.area(l));
      CellMeasurement& cell = result.cells[l - 1];
      ChannelIntensity intensity;
      if (n > 0) intensity = {sum / n, sum - below, below / n};
      cell.intensities.push_back(intensity);
      if (static_cast<double>(saturated) > kSaturatedShare * n) cell.flags |= kSaturated;
    }
    if (c > 0) continue;
    std::size_t saturated = 0;
    for (const float value : image.values)
      if (channels[c].saturation > 0 && value >= channels[c].saturation) ++saturated;
    result.field.saturated = static_cast<double>(saturated) / static_cast<double>(image.size());
    std::vector<float> values = background.values;
    result.field.background = quantile_of(values, 0.5);
    smooth = std::move(smoothed);
    for (std::size_t p = 0; p < smooth.size(); ++p) smooth[p] -= background[p];
  }

  std::vector<double> levels(static_cast<std::size_t>(count) + 1, 0), all_levels, sharpnesses;
  std::vector<float> values;
  std::size_t covered = 0;
  for (std::uint32_t l = 1; l <= count; ++l) {
    if ((l & 255) == 0) bands.check();
    CellMeasurement& cell = result.cells[l - 1];
    if (pixels.area(l) == 0) continue;
    covered += pixels.area(l);
    measure_shape(cell, pixels.begin(l), pixels.end(l), width);
    cell.bud_of = mothers[l];
    values.clear();
    double gradients = 0, squares = 0, sum = 0;
    std::size_t free_outline = 0, contact = 0;
    for (const std::uint32_t* p = pixels.begin(l); p != pixels.end(l); ++p) {
      const int x = static_cast<int>(*p % static_cast<std::uint32_t>(width)), y = static_cast<int>(*p / static_cast<std::uint32_t>(width));
      if (x == 0 || y == 0 || x + 1 == width || y + 1 == height) cell.flags |= kBorder;
      values.push_back(smooth[*p]);
      sum += smooth[*p];
      squares += static_cast<double>(smooth[*p]) * smooth[*p];
      bool open = false, touching = false;
      const auto look = [&](int nx, int ny) {
        if (nx < 0 || ny < 0 || nx >= width || ny >= height) return;
        const std::uint32_t other = labels.row(ny)[nx];
        open = open || other == 0;
        touching = touching || (other != 0 && other != l);
      };
      look(x - 1, y);
      look(x + 1, y);
      look(x, y - 1);
      look(x, y + 1);
      if (touching) ++contact;
      if (!open || touching) continue;
      const auto at = [&](int dx, int dy) {
        return static_cast<double>(smooth.row(std::min(std::max(y + dy, 0), height - 1))[std::min(std::max(x + dx, 0), width - 1)]);
      };
      gradients += std::hypot(at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)) / 2;
      ++free_outline;
    }
    levels[l] = cell.level = quantile_of(values, 0.5);
    const double n = static_cast<double>(cell.area), mean = sum / n;
    cell.texture = mean > 0 ? std::sqrt(std::max(0.0, squares / n - mean * mean)) / mean : 0;
    cell.contact = static_cast<double>(contact) / static_cast<double>(std::max<std::size_t>(1, contact + free_outline));
    all_levels.push_back(levels[l]);
    if (free_outline > 0 && levels[l] > 0) {
      cell.sharpness = diameter * gradients / static_cast<double>(free_outline) / levels[l];
      sharpnesses.push_back(cell.sharpness);
    }
  }
  result.field.covered = static_cast<double>(covered) / static_cast<double>(labels.size());
  result.field.focus = median_of(sharpnesses);
  const double typical_level = median_of(all_levels);
  for (std::uint32_t l = 1; l <= count; ++l) {
    CellMeasurement& cell = result.cells[l - 1];
    if (cell.area == 0) continue;
    if (levels[l] > kDeadBright * typical_level || levels[l] < kDeadDim * typical_level || cell.texture > kDeadTexture)
      cell.flags |= kDead;
    if (cell.sharpness > 0 && cell.sharpness < kBlurred * result.field.focus) cell.flags |= kOutOfFocus;
    if (static_cast<double>(cell.area) > kLargestArea * typical_area || cell.solidity < kLeastSolidity) cell.flags |= kMerged;
    if (cell.contact > kMostContact) cell.flags |= kOverlapped;
  }
  return result;
}

}  // namespace deepyeast
