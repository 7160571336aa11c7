// Features as bytes: a column's values are replaced by the number of its bin, so that a split counts instead of sorting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace deepyeast {

constexpr std::size_t kMaximumBins = 255;

// Per column, ascending edges: a value's bin is the number of edges below it, so "bin <= b" is "value <= edge b".
class BinEdges {
 public:
  BinEdges() = default;
  // At most 254 edges for each column, ascending.
  explicit BinEdges(std::vector<std::vector<float>> edges);
  // Edges from training rows [rows, columns], all finite. A column of at most 255 distinct values gets a bin for each; others
  // get bins of as nearly equal counts as their ties allow. An edge is the midpoint of the two values that it separates.
  static BinEdges fit(const float* values, std::size_t rows, std::size_t columns, int threads);

  std::size_t columns() const { return edges_.size(); }
  const std::vector<float>& column(std::size_t index) const { return edges_[index]; }
  std::uint8_t bin(std::size_t column, float value) const;

 private:
  std::vector<std::vector<float>> edges_;
};

// The bins of a feature matrix.
struct BinnedRows {
  std::size_t rows = 0, columns = 0;
  std::vector<std::uint8_t> bins;  // [rows, columns]

  BinnedRows() = default;
  BinnedRows(const BinEdges& edges, const float* values, std::size_t rows, int threads);
  const std::uint8_t* row(std::size_t index) const { return bins.data() + index * columns; }
  // [columns, rows]
  std::vector<std::uint8_t> transposed(int threads) const;
};

}  // namespace deepyeast
