// How intensity is distributed between the cell's middle (the pixel farthest from the edge) and its edge: CellProfiler's
// MeasureObjectIntensityDistribution with four bins, except that the distance from the middle is Euclidean, not geodesic
// within the cell; hence a name of its own.
#include <algorithm>
#include <cmath>

#include "classic_features.h"

namespace deepyeast {
namespace {

constexpr int kBins = 4, kWedges = 8;
constexpr double kRounding = 1e-9;  // half-way pixels, of which there are many, belong to the outer bin

}  // namespace

void measure_radial_distribution(const CellView& cell, FeatureRow& row) {
  int middle = cell.pixels[0];
  for (const int pixel : cell.pixels) {
    if (cell.edge_distance[static_cast<std::size_t>(pixel)] > cell.edge_distance[static_cast<std::size_t>(middle)])
      middle = pixel;
  }
  std::vector<int> bins, wedges;
  double pixels_in[kBins] = {};
  for (const int pixel : cell.pixels) {
    const int dy = pixel / cell.size - middle / cell.size, dx = pixel % cell.size - middle % cell.size;
    const double out = std::hypot(dy, dx);
    const double share = out / (out + cell.edge_distance[static_cast<std::size_t>(pixel)]);
    bins.push_back(std::min(kBins - 1, static_cast<int>(share * kBins + kRounding)));
    wedges.push_back((dy > 0) + 2 * (dx > 0) + 4 * (std::abs(dy) > std::abs(dx)));
    pixels_in[bins.back()] += 1;
  }
  for (int channel = 0; channel < kClassicChannels; ++channel) {
    double sums[kBins] = {}, wedge_sums[kBins][kWedges] = {}, wedge_pixels[kBins][kWedges] = {}, total = 0;
    for (std::size_t i = 0; i < bins.size(); ++i) {
      const double value = cell.values[channel][static_cast<std::size_t>(cell.pixels[i])];
      total += value;
      sums[bins[i]] += value;
      wedge_sums[bins[i]][wedges[i]] += value;
      wedge_pixels[bins[i]][wedges[i]] += 1;
    }
    for (int bin = 0; bin < kBins; ++bin) {
      const double share = total > 0 ? sums[bin] / total : 0;
      const double pixel_share = pixels_in[bin] / static_cast<double>(bins.size());
      double mean = 0, square = 0, count = 0;
      for (int wedge = 0; wedge < kWedges; ++wedge) {
        if (wedge_pixels[bin][wedge] == 0) continue;
        const double value = wedge_sums[bin][wedge] / wedge_pixels[bin][wedge];
        count += 1;
        mean += value;
        square += value * value;
      }
      mean = count > 0 ? mean / count : 0;
      const double variance = count > 0 ? std::max(0.0, square / count - mean * mean) : 0;
      const auto add = [&](const char* name, double value) {
        row.add(value, [&] {
          return std::string("Radial_") + name + "_" + kChannelNames[channel] + "_" + std::to_string(bin + 1) + "of" +
                 std::to_string(kBins);
        });
      };
      add("FracAtD", share);
      add("MeanFrac", pixel_share > 0 ? share / pixel_share : 0);
      add("RadialCV", mean > 0 ? std::sqrt(variance) / mean : 0);
    }
  }
}

}  // namespace deepyeast
