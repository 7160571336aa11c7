#include "forest.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "../system/error.h"
#include "../system/thread_pool.h"

namespace deepyeast {
namespace {

constexpr std::size_t kRowChunk = 128;

std::size_t chunks_of(std::size_t rows) { return (rows + kRowChunk - 1) / kRowChunk; }

[[noreturn]] void invalid(const std::string& message) { throw Error("model-invalid", "the forest " + message); }

}  // namespace

Forest::Forest(std::size_t columns, std::size_t classes) : columns_(columns), classes_(classes) {}

void Forest::begin_training(const float* values, std::vector<std::int32_t> labels, TreeOptions options, int threads) {
  trees_.clear();
  loaded_importance_.clear();
  options_ = std::move(options);
  auto sample = std::make_unique<ForestSample>();
  edges_ = BinEdges::fit(values, labels.size(), columns_, threads);
  sample->rows = BinnedRows(edges_, values, labels.size(), threads);
  sample->by_column = sample->rows.transposed(threads);
  for (std::size_t column = 0; column < columns_; ++column) sample->edge_counts.push_back(edges_.column(column).size());
  sample->classes = classes_;
  sample->rows_of_class.resize(classes_);
  for (std::size_t row = 0; row < labels.size(); ++row) {
    sample->rows_of_class[static_cast<std::size_t>(labels[row])].push_back(static_cast<std::uint32_t>(row));
  }
  sample->labels = std::move(labels);
  sample_ = std::move(sample);
}

void Forest::grow(std::size_t number, int threads, const std::atomic<bool>& cancelled,
                  std::atomic<std::size_t>& done) {
  if (!sample_) throw Error("invalid-argument", "the forest has no training set; begin training first");
  const std::size_t first = trees_.size();
  std::vector<Tree> grown(number);
  std::vector<std::unique_ptr<TreeGrower>> growers(static_cast<std::size_t>(threads));
  ThreadPool::shared()->parallel_for(number, threads, [&](std::size_t task, int slot) {
    if (cancelled) return;
    auto& grower = growers[static_cast<std::size_t>(slot)];
    if (!grower) grower = std::make_unique<TreeGrower>(*sample_, options_);
    grown[task] = grower->grow(static_cast<std::uint32_t>(first + task));
    ++done;
  });
  if (cancelled) return;
  trees_.reserve(first + number);
  for (Tree& tree : grown) trees_.push_back(std::move(tree));
}

double Forest::out_of_bag_error(int threads) const {
  if (!sample_) throw Error("invalid-argument", "the forest has no training set; begin training first");
  const std::size_t rows = sample_->rows.rows;
  std::vector<std::uint32_t> seen(chunks_of(rows)), wrong(chunks_of(rows));
  ThreadPool::shared()->parallel_for(chunks_of(rows), threads, [&](std::size_t chunk, int) {
    const std::size_t begin = chunk * kRowChunk, end = std::min(rows, begin + kRowChunk);
    std::vector<double> sums((end - begin) * classes_);
    for (const Tree& tree : trees_) {
      for (std::size_t row = begin; row < end; ++row) {
        if (tree.is_in_bag(row)) continue;
        tree.add_leaf(tree.leaf_of(sample_->rows.row(row)), classes_, 1.0, sums.data() + (row - begin) * classes_);
      }
    }
    for (std::size_t row = begin; row < end; ++row) {
      const auto vote = sums.begin() + static_cast<std::ptrdiff_t>((row - begin) * classes_);
      const auto most = std::max_element(vote, vote + static_cast<std::ptrdiff_t>(classes_));
      if (*most == 0) continue;
      ++seen[chunk];
      wrong[chunk] += most - vote != sample_->labels[row];
    }
  });
  std::size_t all_seen = 0, all_wrong = 0;
  for (std::size_t chunk = 0; chunk < seen.size(); ++chunk) {
    all_seen += seen[chunk];
    all_wrong += wrong[chunk];
  }
  return all_seen == 0 ? -1 : static_cast<double>(all_wrong) / static_cast<double>(all_seen);
}

void Forest::end_training() {
  sample_.reset();
  for (Tree& tree : trees_) std::vector<std::uint8_t>().swap(tree.in_bag);
}

void Forest::probability_sums(const float* values, std::size_t rows, std::size_t first, std::size_t last, int threads,
                              double* sums) const {
  if (first > last || last > trees_.size()) {
    throw Error("invalid-argument", "trees " + std::to_string(first) + " to " + std::to_string(last) +
                                        " were asked for; expected a part of " + std::to_string(trees_.size()));
  }
  const BinnedRows binned(edges_, values, rows, threads);
  std::fill(sums, sums + rows * classes_, 0.0);
  ThreadPool::shared()->parallel_for(chunks_of(rows), threads, [&](std::size_t chunk, int) {
    const std::size_t begin = chunk * kRowChunk, end = std::min(rows, begin + kRowChunk);
    for (std::size_t tree = first; tree < last; ++tree) {
      for (std::size_t row = begin; row < end; ++row) {
        trees_[tree].add_leaf(trees_[tree].leaf_of(binned.row(row)), classes_, 1.0, sums + row * classes_);
      }
    }
  });
}

std::vector<double> Forest::impurity_importance() const {
  if (!loaded_importance_.empty()) return loaded_importance_;
  std::vector<double> importance(columns_);
  double total = 0;
  for (const Tree& tree : trees_) {
    for (std::size_t column = 0; column < columns_; ++column) {
      importance[column] += tree.impurity_decrease[column];
      total += tree.impurity_decrease[column];
    }
  }
  if (total > 0) {
    for (double& value : importance) value /= total;
  }
  return importance;
}

ForestArrays Forest::arrays() const {
  ForestArrays result;
  std::size_t nodes = 0, impure = 0;
  for (const Tree& tree : trees_) {
    nodes += tree.nodes.size();
    impure += tree.distributions.size() / classes_;
  }
  if (nodes > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()) ||
      classes_ + impure > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    throw Error("out-of-memory", "the forest has " + std::to_string(nodes) + " nodes; at most 2^31 - 1 can be stored");
  }
  result.tree_begins.push_back(0);
  result.features.reserve(nodes);
  result.thresholds.reserve(nodes);
  result.left.reserve(nodes);
  // The first rows are the pure classes, which most leaves are.
  result.leaves.resize(classes_ * classes_);
  for (std::size_t k = 0; k < classes_; ++k) result.leaves[k * classes_ + k] = 1;
  for (const Tree& tree : trees_) {
    const std::size_t before = result.leaves.size() / classes_ - classes_;
    for (const TreeNode& node : tree.nodes) {
      const bool pure = node.left < classes_;
      result.features.push_back(node.leaf ? -1 : node.feature);
      result.thresholds.push_back(node.leaf ? 0 : edges_.column(node.feature)[node.bin]);
      result.left.push_back(static_cast<std::int32_t>(node.leaf && !pure ? node.left + before : node.left));
    }
    result.leaves.insert(result.leaves.end(), tree.distributions.begin(), tree.distributions.end());
    result.tree_begins.push_back(static_cast<std::int32_t>(result.features.size()));
  }
  return result;
}

// The thresholds that the trees use, at most 254 for a column, become the edges. Bins are coarser than in training, but
// every row takes the same path through every tree.
Forest::Forest(std::size_t columns, std::size_t classes, const ForestArrays& arrays, std::vector<double> importances)
    : columns_(columns), classes_(classes), loaded_importance_(std::move(importances)) {
  const std::size_t nodes = arrays.features.size();
  if (arrays.thresholds.size() != nodes || arrays.left.size() != nodes || arrays.tree_begins.empty() ||
      arrays.tree_begins.front() != 0 || arrays.tree_begins.back() != static_cast<std::int64_t>(nodes)) {
    invalid("has node arrays of different lengths, or tree beginnings that do not span them");
  }
  if (loaded_importance_.size() != columns) invalid("has importances for another number of columns");
  if (arrays.leaves.size() % classes != 0) invalid("has leaves of another number of classes");
  const std::size_t leaf_rows = arrays.leaves.size() / classes;
  for (std::size_t row = 0; row < leaf_rows; ++row) {
    double sum = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      const float value = arrays.leaves[row * classes + k];
      if (!(value >= 0 && value <= 1)) invalid("has a leaf with the probability " + std::to_string(value));
      sum += value;
    }
    if (std::abs(sum - 1) > 1e-3) invalid("has a leaf whose probabilities sum to " + std::to_string(sum));
  }
  std::vector<std::vector<float>> edges(columns);
  for (std::size_t i = 0; i < nodes; ++i) {
    const std::int32_t feature = arrays.features[i];
    if (feature < 0) continue;
    if (static_cast<std::size_t>(feature) >= columns) {
      invalid("splits on column " + std::to_string(feature) + " of " + std::to_string(columns));
    }
    if (!std::isfinite(arrays.thresholds[i])) invalid("has a threshold that is not finite");
    edges[static_cast<std::size_t>(feature)].push_back(arrays.thresholds[i]);
  }
  for (std::size_t column = 0; column < columns; ++column) {
    auto& of_column = edges[column];
    std::sort(of_column.begin(), of_column.end());
    of_column.erase(std::unique(of_column.begin(), of_column.end()), of_column.end());
    if (of_column.size() >= kMaximumBins) {
      invalid("has " + std::to_string(of_column.size()) + " thresholds for column " + std::to_string(column) +
              "; expected at most " + std::to_string(kMaximumBins - 1));
    }
  }
  edges_ = BinEdges(std::move(edges));
  for (std::size_t t = 0; t + 1 < arrays.tree_begins.size(); ++t) {
    const std::int64_t begin = arrays.tree_begins[t], end = arrays.tree_begins[t + 1];
    if (begin >= end || end > static_cast<std::int64_t>(nodes)) invalid("has an empty tree");
    Tree tree;
    tree.nodes.resize(static_cast<std::size_t>(end - begin));
    for (std::int64_t i = 0; i < end - begin; ++i) {
      const std::int64_t left = arrays.left[static_cast<std::size_t>(begin + i)];
      const std::int32_t feature = arrays.features[static_cast<std::size_t>(begin + i)];
      TreeNode& node = tree.nodes[static_cast<std::size_t>(i)];
      node.leaf = feature < 0;
      if (!node.leaf) {
        // Children come after their parent, so that every path ends.
        if (left <= i || left + 1 >= end - begin) {
          invalid("has node " + std::to_string(i) + " with the child " + std::to_string(left));
        }
        node.feature = static_cast<std::uint16_t>(feature);
        node.bin = edges_.bin(node.feature, arrays.thresholds[static_cast<std::size_t>(begin + i)]);
        node.left = static_cast<std::uint32_t>(left);
        continue;
      }
      if (left < 0 || static_cast<std::size_t>(left) >= leaf_rows) {
        invalid("has a leaf in row " + std::to_string(left) + " of " + std::to_string(leaf_rows));
      }
      const float* row = arrays.leaves.data() + static_cast<std::size_t>(left) * classes;
      const float* one = std::find(row, row + classes, 1.0f);
      if (one != row + classes) {
        node.left = static_cast<std::uint32_t>(one - row);
      } else {
        node.left = static_cast<std::uint32_t>(classes + tree.distributions.size() / classes);
        tree.distributions.insert(tree.distributions.end(), row, row + classes);
      }
    }
    trees_.push_back(std::move(tree));
  }
}

}  // namespace deepyeast
