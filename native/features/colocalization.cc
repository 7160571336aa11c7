// CellProfiler's MeasureColocalization between the two channels in the cell: Pearson's correlation, the slope of the
// regression of the protein on the marker, and, above 15% of each channel's maximum, the overlap coefficient, its two
// parts, Manders' coefficients and the rank-weighted ones.
#include <algorithm>
#include <array>
#include <cmath>

#include "classic_features.h"

namespace deepyeast {
namespace {

constexpr double kThreshold = 0.15;

// The rank of each intensity level among those that occur.
std::array<double, 256> dense_ranks(const CellView& cell, int channel, double* greatest) {
  std::array<double, 256> ranks{};
  for (const int pixel : cell.pixels) ranks[cell.levels[channel][static_cast<std::size_t>(pixel)]] = 1;
  double rank = 0;
  for (double& value : ranks) {
    if (value > 0) value = rank++;
  }
  *greatest = std::max(*greatest, rank);
  return ranks;
}

}  // namespace

void measure_colocalization(const CellView& cell, FeatureRow& row) {
  const auto count = static_cast<double>(cell.pixels.size());
  double mean[2] = {}, most[2] = {}, ranks_used = 0;
  for (const int pixel : cell.pixels) {
    for (int c = 0; c < 2; ++c) {
      const double value = cell.values[c][static_cast<std::size_t>(pixel)];
      mean[c] += value / count;
      most[c] = std::max(most[c], value);
    }
  }
  const std::array<double, 256> ranks[2] = {dense_ranks(cell, 0, &ranks_used), dense_ranks(cell, 1, &ranks_used)};
  double variance[2] = {}, covariance = 0, product = 0, square[2] = {}, above[2] = {}, both[2] = {}, weighted[2] = {};
  for (const int pixel : cell.pixels) {
    const auto at = static_cast<std::size_t>(pixel);
    const double value[2] = {cell.values[0][at], cell.values[1][at]};
    covariance += (value[0] - mean[0]) * (value[1] - mean[1]);
    bool in[2];
    for (int c = 0; c < 2; ++c) {
      variance[c] += (value[c] - mean[c]) * (value[c] - mean[c]);
      in[c] = value[c] >= kThreshold * most[c];
      if (in[c]) above[c] += value[c];
    }
    if (!in[0] || !in[1]) continue;
    const double distance = std::abs(ranks[0][cell.levels[0][at]] - ranks[1][cell.levels[1][at]]);
    product += value[0] * value[1];
    for (int c = 0; c < 2; ++c) {
      square[c] += value[c] * value[c];
      both[c] += value[c];
      weighted[c] += value[c] * (ranks_used - distance) / ranks_used;
    }
  }
  const auto ratio = [](double a, double b) { return b > 0 ? a / b : 0; };
  const auto add = [&](const char* name, int first, double value) {
    row.add(value, [&] {
      return std::string("Correlation_") + name + "_" + kChannelNames[first] + "_" + kChannelNames[1 - first];
    });
  };
  add("Correlation", 0, ratio(covariance, std::sqrt(variance[0] * variance[1])));
  add("Slope", 0, ratio(covariance, variance[0]));
  add("Overlap", 0, ratio(product, std::sqrt(square[0] * square[1])));
  for (int c = 0; c < 2; ++c) add("K", c, ratio(product, square[c]));
  for (int c = 0; c < 2; ++c) add("Manders", c, ratio(both[c], above[c]));
  for (int c = 0; c < 2; ++c) add("RWC", c, ratio(weighted[c], above[c]));
}

}  // namespace deepyeast
