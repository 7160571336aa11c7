// A random forest for classification: training, class probabilities, out-of-bag error, importances, its trees as plain
// arrays. Trees are numbered; a tree depends on the training set, the options and its number only, so that a forest of
// 500 trees begins with the forest of 50, and the number of threads changes nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "binning.h"
#include "tree.h"
#include "tree_grower.h"

namespace deepyeast {

// All trees one after the other, as they are stored: scikit-learn's form, with thresholds instead of bins.
struct ForestArrays {
  std::vector<std::int32_t> tree_begins;  // [trees + 1] nodes before each tree
  std::vector<std::int32_t> features;     // [nodes] -1 for a leaf
  std::vector<float> thresholds;          // [nodes] rows with value <= threshold go left; 0 for a leaf
  std::vector<std::int32_t> left;         // [nodes] number within the tree, the right child is left + 1; a leaf's row of
                                          // `leaves`
  std::vector<float> leaves;              // [rows, classes] class probabilities
};

struct PermutationImportance {
  double accuracy = 0;                    // with no column permuted
  std::vector<double> decreases;          // [repeats, columns] of the accuracy
};

class Forest {
 public:
  Forest(std::size_t columns, std::size_t classes);
  // Throws Error("model-invalid") unless the arrays describe trees.
  Forest(std::size_t columns, std::size_t classes, const ForestArrays& arrays, std::vector<double> importances);

  std::size_t columns() const { return columns_; }
  std::size_t classes() const { return classes_; }
  std::size_t trees() const { return trees_.size(); }

  // values [rows, columns], labels [rows] in [0, classes). Trees grown before are dropped.
  void begin_training(const float* values, std::vector<std::int32_t> labels, TreeOptions options, int threads);
  // Grows `number` more trees and increments `done` for each. When `cancelled` is set it stops early and keeps none of them.
  void grow(std::size_t number, int threads, const std::atomic<bool>& cancelled, std::atomic<std::size_t>& done);
  // The share of training rows, among those that some tree has not seen, for which the mean vote of those trees is
  // wrong; negative where there is no such row. Only while there is a training set.
  double out_of_bag_error(int threads) const;
  // Releases the training set.
  void end_training();

  // sums [rows, classes]: the sums of the class probabilities of trees [first, last), added in the order of the trees.
  void probability_sums(const float* values, std::size_t rows, std::size_t first, std::size_t last, int threads,
                        double* sums) const;
  // Mean decrease in impurity as scikit-learn defines it: the average of the trees' shares, scaled to sum to one.
  std::vector<double> impurity_importance() const;
  // Breiman's permutation importance: the loss of accuracy when one column's values are permuted among the rows, for each
  // column and repeat.
  PermutationImportance permutation_importance(const float* values, const std::int32_t* labels, std::size_t rows,
                                               std::uint64_t seed, std::size_t repeats, int threads,
                                               const std::atomic<bool>& cancelled) const;
  ForestArrays arrays() const;

 private:
  std::size_t columns_, classes_;
  BinEdges edges_;
  std::vector<Tree> trees_;
  std::vector<double> loaded_importance_;
  std::unique_ptr<ForestSample> sample_;
  TreeOptions options_;
};

}  // namespace deepyeast
