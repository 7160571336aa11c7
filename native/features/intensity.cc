// CellProfiler's MeasureObjectIntensity, and further measures of the distribution's shape.
#include <algorithm>
#include <array>
#include <cmath>

#include "classic_features.h"

namespace deepyeast {
namespace {

// Linear interpolation between the order statistics, as by default in numpy.quantile.
double quantile(const std::vector<float>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (static_cast<double>(sorted[above]) - sorted[below]);
}

struct Moments {
  double sum = 0, mean = 0, deviation = 0, least = 0, most = 0;
};

Moments moments_of(const std::vector<float>& values) {
  Moments result;
  if (values.empty()) return result;
  for (const float value : values) result.sum += value;
  result.mean = result.sum / static_cast<double>(values.size());
  double squares = 0;
  for (const float value : values) squares += (value - result.mean) * (value - result.mean);
  result.deviation = std::sqrt(squares / static_cast<double>(values.size()));
  result.least = *std::min_element(values.begin(), values.end());
  result.most = *std::max_element(values.begin(), values.end());
  return result;
}

// Object pixels with one of the eight neighbours outside.
bool on_edge(const CellView& cell, int pixel) {
  const int y = pixel / cell.size, x = pixel % cell.size;
  for (int dy = -1; dy <= 1; ++dy) {
    for (int dx = -1; dx <= 1; ++dx) {
      if (y + dy < 0 || y + dy >= cell.size || x + dx < 0 || x + dx >= cell.size) return true;
      if (cell.mask[static_cast<std::size_t>((y + dy) * cell.size + x + dx)] == 0) return true;
    }
  }
  return false;
}

}  // namespace

void measure_intensity(const CellView& cell, FeatureRow& row) {
  std::vector<bool> edge(cell.mask.size());
  for (const int pixel : cell.pixels) edge[static_cast<std::size_t>(pixel)] = on_edge(cell, pixel);
  for (int channel = 0; channel < kClassicChannels; ++channel) {
    std::vector<float> values, edge_values;
    std::array<double, 256> shares{};
    double weighted_x = 0, weighted_y = 0;
    int brightest = cell.pixels[0];
    for (const int pixel : cell.pixels) {
      const auto at = static_cast<std::size_t>(pixel);
      const float value = cell.values[channel][at];
      values.push_back(value);
      if (edge[at]) edge_values.push_back(value);
      shares[cell.levels[channel][at]] += 1.0 / static_cast<double>(cell.pixels.size());
      weighted_x += value * (pixel % cell.size);
      weighted_y += value * static_cast<double>(pixel / cell.size);
      if (value > cell.values[channel][static_cast<std::size_t>(brightest)]) brightest = pixel;
    }
    const Moments all = moments_of(values), at_edge = moments_of(edge_values);
    const double mass_x = all.sum > 0 ? weighted_x / all.sum : cell.centre_x;
    const double mass_y = all.sum > 0 ? weighted_y / all.sum : cell.centre_y;
    double third = 0, fourth = 0, entropy = 0;
    for (const float value : values) {
      const double z = all.deviation > 0 ? (value - all.mean) / all.deviation : 0;
      third += z * z * z;
      fourth += z * z * z * z;
    }
    for (const double share : shares) entropy -= share > 0 ? share * std::log2(share) : 0;
    std::vector<float> sorted(values);
    std::sort(sorted.begin(), sorted.end());
    const double median = quantile(sorted, 0.5);
    std::vector<float> deviations;
    for (const float value : values) deviations.push_back(static_cast<float>(std::abs(value - median)));
    std::sort(deviations.begin(), deviations.end());

    const auto add = [&](const char* name, double value) {
      row.add(value, [&] { return std::string("Intensity_") + name + "_" + kChannelNames[channel]; });
    };
    const auto locate = [&](const char* name, const char* axis, double value) {
      row.add(value, [&] { return std::string("Location_") + name + "_" + axis + "_" + kChannelNames[channel]; });
    };
    add("IntegratedIntensity", all.sum);
    add("MeanIntensity", all.mean);
    add("StdIntensity", all.deviation);
    add("MinIntensity", all.least);
    add("MaxIntensity", all.most);
    add("IntegratedIntensityEdge", at_edge.sum);
    add("MeanIntensityEdge", at_edge.mean);
    add("StdIntensityEdge", at_edge.deviation);
    add("MinIntensityEdge", at_edge.least);
    add("MaxIntensityEdge", at_edge.most);
    add("MassDisplacement", std::hypot(mass_x - cell.centre_x, mass_y - cell.centre_y));
    add("LowerQuartileIntensity", quantile(sorted, 0.25));
    add("MedianIntensity", median);
    add("UpperQuartileIntensity", quantile(sorted, 0.75));
    add("MADIntensity", quantile(deviations, 0.5));
    for (const int percent : {1, 5, 10, 90, 95, 99}) {
      row.add(quantile(sorted, percent / 100.0), [&] {
        return "Intensity_Percentile" + std::to_string(percent) + "_" + kChannelNames[channel];
      });
    }
    add("Skewness", third / static_cast<double>(values.size()));
    add("Kurtosis", all.deviation > 0 ? fourth / static_cast<double>(values.size()) - 3 : 0);
    add("Entropy", entropy);
    locate("CenterMassIntensity", "X", mass_x);
    locate("CenterMassIntensity", "Y", mass_y);
    locate("MaxIntensity", "X", brightest % cell.size);
    locate("MaxIntensity", "Y", brightest / cell.size);
  }
}

}  // namespace deepyeast
