// Permuting a column changes a tree's prediction for a row only where the row's path through the tree tests that column.
// So each row goes through each tree once, and again only for the columns on its path, from the first node that tests
// the column: some twenty columns a tree instead of all.
#include <algorithm>
#include <numeric>

#include "../system/random.h"
#include "../system/thread_pool.h"
#include "forest.h"

namespace deepyeast {
namespace {

constexpr std::size_t kRowChunk = 16;
constexpr std::uint32_t kFirstStream = 16;  // a stream for each column

std::size_t scaled(std::uint32_t word, std::size_t bound) {
  return static_cast<std::size_t>((std::uint64_t{word} * bound) >> 32);
}

// Every column's bins, permuted among the rows on its own.
std::vector<std::uint8_t> permuted(const BinnedRows& binned, std::uint64_t seed, std::size_t repeat, int threads) {
  std::vector<std::uint8_t> result(binned.bins.size());
  ThreadPool::shared()->parallel_for(binned.columns, threads, [&](std::size_t column, int) {
    std::vector<std::uint32_t> order(binned.rows), words(binned.rows);
    std::iota(order.begin(), order.end(), 0);
    RandomStream(seed, Purpose::forest, static_cast<std::uint32_t>(repeat),
                 static_cast<std::uint32_t>(kFirstStream + column))
        .words(0, words.size(), words.data());
    for (std::size_t last = binned.rows - 1; last > 0; --last) {
      std::swap(order[last], order[scaled(words[last], last + 1)]);
    }
    for (std::size_t row = 0; row < binned.rows; ++row) {
      result[row * binned.columns + column] = binned.bins[order[row] * binned.columns + column];
    }
  });
  return result;
}

std::size_t largest(const double* values, std::size_t count) {
  return static_cast<std::size_t>(std::max_element(values, values + count) - values);
}

}  // namespace

PermutationImportance Forest::permutation_importance(const float* values, const std::int32_t* labels,
                                                     std::size_t rows, std::uint64_t seed, std::size_t repeats,
                                                     int threads, const std::atomic<bool>& cancelled) const {
  const BinnedRows binned(edges_, values, rows, threads);
  const std::size_t chunks = (rows + kRowChunk - 1) / kRowChunk;
  PermutationImportance result;
  result.decreases.resize(repeats * columns_);
  for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
    const std::vector<std::uint8_t> shuffled = permuted(binned, seed, repeat, threads);
    std::vector<std::vector<std::uint32_t>> correct(chunks);  // [columns + 1], the last one without a permutation
    ThreadPool::shared()->parallel_for(chunks, threads, [&](std::size_t chunk, int) {
      if (cancelled) return;
      correct[chunk].resize(columns_ + 1);
      std::vector<double> sums(classes_), changes(columns_ * classes_), votes(classes_);
      std::vector<std::uint32_t> met;         // columns of the current path
      std::vector<std::size_t> first_node;    // the first node that tests each of them
      const std::size_t end = std::min(rows, (chunk + 1) * kRowChunk);
      for (std::size_t row = chunk * kRowChunk; row < end; ++row) {
        std::fill(sums.begin(), sums.end(), 0.0);
        std::fill(changes.begin(), changes.end(), 0.0);
        const std::uint8_t* bins = binned.row(row);
        const std::uint8_t* others = shuffled.data() + row * columns_;
        for (const Tree& tree : trees_) {
          met.clear();
          first_node.clear();
          std::size_t leaf = 0;
          while (!tree.nodes[leaf].leaf) {
            const TreeNode& node = tree.nodes[leaf];
            if (std::find(met.begin(), met.end(), node.feature) == met.end()) {
              met.push_back(node.feature);
              first_node.push_back(leaf);
            }
            leaf = node.left + (bins[node.feature] > node.bin);
          }
          tree.add_leaf(leaf, classes_, 1.0, sums.data());
          for (std::size_t i = 0; i < met.size(); ++i) {
            const std::uint32_t column = met[i];
            if (others[column] == bins[column]) continue;
            std::size_t index = first_node[i];
            while (!tree.nodes[index].leaf) {
              const TreeNode& node = tree.nodes[index];
              const std::uint8_t bin = node.feature == column ? others[column] : bins[node.feature];
              index = node.left + (bin > node.bin);
            }
            if (index == leaf) continue;
            tree.add_leaf(index, classes_, 1.0, changes.data() + column * classes_);
            tree.add_leaf(leaf, classes_, -1.0, changes.data() + column * classes_);
          }
        }
        const auto label = static_cast<std::size_t>(labels[row]);
        correct[chunk][columns_] += largest(sums.data(), classes_) == label;
        for (std::size_t column = 0; column < columns_; ++column) {
          for (std::size_t k = 0; k < classes_; ++k) votes[k] = sums[k] + changes[column * classes_ + k];
          correct[chunk][column] += largest(votes.data(), classes_) == label;
        }
      }
    });
    if (cancelled) return result;
    std::vector<std::size_t> totals(columns_ + 1);
    for (const auto& part : correct) {
      for (std::size_t column = 0; column <= columns_; ++column) totals[column] += part[column];
    }
    result.accuracy = static_cast<double>(totals[columns_]) / static_cast<double>(rows);
    for (std::size_t column = 0; column < columns_; ++column) {
      result.decreases[repeat * columns_ + column] =
          (static_cast<double>(totals[columns_]) - static_cast<double>(totals[column])) / static_cast<double>(rows);
    }
  }
  return result;
}

}  // namespace deepyeast
