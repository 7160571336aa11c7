// Haralick's texture statistics ("Textural features for image classification", IEEE Transactions on Systems, Man and
// Cybernetics 3, 1973) of the pairs of cell pixels at three distances in four directions: CellProfiler's MeasureTexture.
// There are 32 grey levels, and each pair counts in both directions. Logarithms are to base 2. The sum variance is that
// about the sum average, the difference variance that of the differences' distribution.
#include <algorithm>
#include <cmath>

#include "classic_features.h"

namespace deepyeast {
namespace {

constexpr int kLevels = 32, kLevelShift = 3;
constexpr int kScales[] = {1, 3, 5};
constexpr int kDirections[4][2] = {{0, 1}, {1, 1}, {1, 0}, {1, -1}};  // rows, columns
constexpr const char* kNames[13] = {
    "AngularSecondMoment", "Contrast",   "Correlation", "Variance",           "InverseDifferenceMoment",
    "SumAverage",          "SumVariance", "SumEntropy",  "Entropy",            "DifferenceVariance",
    "DifferenceEntropy",   "InfoMeas1",  "InfoMeas2"};

double entropy_term(double p) { return p > 0 ? -p * std::log2(p) : 0; }

void statistics_of(const std::uint32_t (&pairs)[kLevels][kLevels], double (&result)[13]) {
  std::fill(std::begin(result), std::end(result), 0.0);
  double total = 0;
  for (const auto& line : pairs) {
    for (const std::uint32_t count : line) total += count;
  }
  if (total == 0) return;
  double marginal[kLevels] = {}, sums[2 * kLevels - 1] = {}, differences[kLevels] = {};
  double second = 0, inverse = 0, product = 0, entropy = 0;
  for (int i = 0; i < kLevels; ++i) {
    for (int j = 0; j < kLevels; ++j) {
      if (pairs[i][j] == 0) continue;
      const double p = pairs[i][j] / total;
      const int difference = std::abs(i - j);
      marginal[i] += p;
      sums[i + j] += p;
      differences[difference] += p;
      second += p * p;
      inverse += p / (1 + difference * difference);
      product += p * i * j;
      entropy += entropy_term(p);
    }
  }
  double mean = 0, square = 0, marginal_entropy = 0;
  for (int i = 0; i < kLevels; ++i) {
    mean += i * marginal[i];
    square += double(i) * i * marginal[i];
    marginal_entropy += entropy_term(marginal[i]);
  }
  const double variance = square - mean * mean;
  double sum_average = 0, sum_square = 0, sum_entropy = 0;
  for (int k = 0; k < 2 * kLevels - 1; ++k) {
    sum_average += k * sums[k];
    sum_square += double(k) * k * sums[k];
    sum_entropy += entropy_term(sums[k]);
  }
  double difference_mean = 0, contrast = 0, difference_entropy = 0;
  for (int k = 0; k < kLevels; ++k) {
    difference_mean += k * differences[k];
    contrast += double(k) * k * differences[k];
    difference_entropy += entropy_term(differences[k]);
  }
  // Both marginals are equal, so that both cross entropies of Haralick's measures are twice the marginal's entropy.
  const double independent = 2 * marginal_entropy;
  result[0] = second;
  result[1] = contrast;
  result[2] = variance > 1e-12 ? (product - mean * mean) / variance : 1;
  result[3] = variance;
  result[4] = inverse;
  result[5] = sum_average;
  result[6] = sum_square - sum_average * sum_average;
  result[7] = sum_entropy;
  result[8] = entropy;
  result[9] = contrast - difference_mean * difference_mean;
  result[10] = difference_entropy;
  result[11] = marginal_entropy > 0 ? (entropy - independent) / marginal_entropy : 0;
  result[12] = std::sqrt(std::max(0.0, 1 - std::exp(-2 * (independent - entropy))));
}

}  // namespace

void measure_texture(const CellView& cell, FeatureRow& row) {
  for (int channel = 0; channel < kClassicChannels; ++channel) {
    const auto& levels = cell.levels[channel];
    for (const int scale : kScales) {
      for (int direction = 0; direction < 4; ++direction) {
        std::uint32_t pairs[kLevels][kLevels] = {};
        const int dy = kDirections[direction][0] * scale, dx = kDirections[direction][1] * scale;
        for (const int pixel : cell.pixels) {
          const int y = pixel / cell.size + dy, x = pixel % cell.size + dx;
          if (y < 0 || y >= cell.size || x < 0 || x >= cell.size) continue;
          const auto other = static_cast<std::size_t>(y * cell.size + x);
          if (cell.mask[other] == 0) continue;
          const int a = levels[static_cast<std::size_t>(pixel)] >> kLevelShift, b = levels[other] >> kLevelShift;
          ++pairs[a][b];
          ++pairs[b][a];
        }
        double statistics[13];
        statistics_of(pairs, statistics);
        for (int i = 0; i < 13; ++i) {
          row.add(statistics[i], [&] {
            return std::string("Texture_") + kNames[i] + "_" + kChannelNames[channel] + "_" + std::to_string(scale) +
                   "_0" + std::to_string(direction) + "_" + std::to_string(kLevels);
          });
        }
      }
    }
  }
}

}  // namespace deepyeast
