#include "binning.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "../system/thread_pool.h"

namespace deepyeast {
namespace {

constexpr std::size_t kRowChunk = 256;

// The float in [low, high) that is nearest to the middle.
float between(float low, float high) {
  const float middle = static_cast<float>(low + (static_cast<double>(high) - low) / 2);
  return middle < high ? middle : low;
}

// Maps a float to an integer such that integers are in the order of the floats.
std::uint32_t ordered(float value) {
  std::uint32_t bits;
  value += 0.0f;  // -0 and 0 are one value
  std::memcpy(&bits, &value, sizeof bits);
  return bits ^ ((bits >> 31) != 0 ? 0xffffffffu : 0x80000000u);
}

float from_ordered(std::uint32_t bits) {
  bits ^= (bits >> 31) != 0 ? 0x80000000u : 0xffffffffu;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// A radix sort by the lower, middle and upper eleven bits: ten times as fast as comparing.
void sort_keys(std::vector<std::uint32_t>& keys, std::vector<std::uint32_t>& other) {
  other.resize(keys.size());
  for (unsigned shift = 0; shift < 32; shift += 11) {
    std::uint32_t places[2048] = {};
    for (const std::uint32_t key : keys) ++places[key >> shift & 2047];
    std::uint32_t before = 0;
    for (std::uint32_t& place : places) {
      const std::uint32_t number = place;
      place = before;
      before += number;
    }
    for (const std::uint32_t key : keys) other[places[key >> shift & 2047]++] = key;
    keys.swap(other);
  }
}

// The edges of ascending values.
std::vector<float> column_edges(const std::vector<float>& values) {
  std::size_t distinct = values.empty() ? 0 : 1;
  for (std::size_t i = 1; i < values.size(); ++i) distinct += values[i] != values[i - 1];
  std::vector<float> edges;
  std::size_t begin = 0;  // of the current bin
  for (std::size_t i = 1; i < values.size() && edges.size() + 1 < kMaximumBins; ++i) {
    if (values[i] == values[i - 1]) continue;
    // The remaining rows are shared equally by the remaining bins, so that a value of many rows does not use up theirs.
    const std::size_t bins_left = kMaximumBins - edges.size();
    if (distinct > kMaximumBins && (i - begin) * bins_left < values.size() - begin) continue;
    edges.push_back(between(values[i - 1], values[i]));
    begin = i;
  }
  return edges;
}

}  // namespace

BinEdges::BinEdges(std::vector<std::vector<float>> edges) : edges_(std::move(edges)) {}

BinEdges BinEdges::fit(const float* values, std::size_t rows, std::size_t columns, int threads) {
  std::vector<std::vector<float>> edges(columns);
  // Columns that share cache lines are read together.
  constexpr std::size_t kTogether = 16;
  ThreadPool::shared()->parallel_for((columns + kTogether - 1) / kTogether, threads, [&](std::size_t group, int) {
    const std::size_t first = group * kTogether, number = std::min(columns - first, kTogether);
    std::vector<std::vector<std::uint32_t>> keys(number, std::vector<std::uint32_t>(rows));
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t i = 0; i < number; ++i) keys[i][row] = ordered(values[row * columns + first + i]);
    }
    std::vector<std::uint32_t> scratch;
    std::vector<float> sorted(rows);
    for (std::size_t i = 0; i < number; ++i) {
      sort_keys(keys[i], scratch);
      std::transform(keys[i].begin(), keys[i].end(), sorted.begin(), from_ordered);
      edges[first + i] = column_edges(sorted);
    }
  });
  return BinEdges(std::move(edges));
}

std::uint8_t BinEdges::bin(std::size_t column, float value) const {
  const std::vector<float>& edges = edges_[column];
  return static_cast<std::uint8_t>(std::lower_bound(edges.begin(), edges.end(), value) - edges.begin());
}

BinnedRows::BinnedRows(const BinEdges& edges, const float* values, std::size_t row_count, int threads)
    : rows(row_count), columns(edges.columns()), bins(row_count * edges.columns()) {
  const std::size_t chunks = (rows + kRowChunk - 1) / kRowChunk;
  ThreadPool::shared()->parallel_for(chunks, threads, [&](std::size_t chunk, int) {
    const std::size_t first = chunk * kRowChunk, last = std::min(rows, first + kRowChunk);
    // A column's edges stay in the nearest cache for the whole chunk, and the search has no branch to mispredict.
    float padded[256];
    for (std::size_t column = 0; column < columns; ++column) {
      const std::vector<float>& of_column = edges.column(column);
      std::fill(std::copy(of_column.begin(), of_column.end(), padded), padded + 256,
                std::numeric_limits<float>::infinity());
      for (std::size_t row = first; row < last; ++row) {
        const float value = values[row * columns + column];
        std::size_t bin = 0;
        for (std::size_t step = 128; step > 0; step /= 2) bin += step * (padded[bin + step - 1] < value);
        bins[row * columns + column] = static_cast<std::uint8_t>(bin);
      }
    }
  });
}

std::vector<std::uint8_t> BinnedRows::transposed(int threads) const {
  std::vector<std::uint8_t> result(bins.size());
  constexpr std::size_t kBlock = 64;
  ThreadPool::shared()->parallel_for((columns + kBlock - 1) / kBlock, threads, [&](std::size_t block, int) {
    const std::size_t last = std::min(columns, (block + 1) * kBlock);
    for (std::size_t first_row = 0; first_row < rows; first_row += kBlock) {
      const std::size_t last_row = std::min(rows, first_row + kBlock);
      for (std::size_t column = block * kBlock; column < last; ++column) {
        for (std::size_t row = first_row; row < last_row; ++row) result[column * rows + row] = bins[row * columns + column];
      }
    }
  });
  return result;
}

}  // namespace deepyeast
