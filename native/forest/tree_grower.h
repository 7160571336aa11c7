// Grows one classification tree on a bootstrap sample (Breiman, "Random forests", Machine Learning 45, 2001), with
// scikit-learn's rules: Gini impurity, best split among features drawn afresh at each node, further features where all
// drawn ones are constant in the node, nodes split until they are pure or smaller than twice the smallest leaf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "binning.h"
#include "tree.h"

namespace deepyeast {

// The training set, shared by the threads that grow trees.
struct ForestSample {
  BinnedRows rows;
  std::vector<std::uint8_t> by_column;        // rows' bins, [columns, rows]
  std::vector<std::size_t> edge_counts;        // [columns] bins of a column, less one
  std::vector<std::int32_t> labels;           // [rows]
  std::size_t classes = 0;
  std::vector<std::vector<std::uint32_t>> rows_of_class;
};

struct TreeOptions {
  std::size_t features_per_split = 100;
  std::size_t leaf_size = 1;            // smallest number of different training rows in a leaf
  std::vector<double> class_weights;    // [classes], positive
  bool down_sample = false;             // draw as many rows from every class as the rarest class has
  std::uint64_t seed = 0;
};

// Grows trees on one thread, with scratch memory of its own. A tree is a pure function of (sample, options, its number).
class TreeGrower {
 public:
  TreeGrower(const ForestSample& sample, const TreeOptions& options);
  Tree grow(std::uint32_t number);

 private:
  struct Split {
    double score;
    std::size_t feature;
    int bin;  // below 0: none
  };
  struct Range {
    std::size_t node, begin, end;
  };

  void draw_bootstrap(std::uint32_t number, Tree& tree);
  // Computes slots, counts and totals of the node's rows; false where the node must be a leaf.
  bool prepare(const Range& range);
  Split best_split(const Range& range);
  void scan_sorted(const std::uint8_t* bins, std::size_t count, std::size_t feature, Split& best);
  struct TwoClasses;
  struct AnyClasses;
  template <typename Sides>
  std::size_t best_end(Sides sides, std::size_t count, Split& best) const;
  // Fill sorted_ with the node's codes in the order of their bins.
  void sort_by_rank(const std::uint8_t* bins, std::size_t count);
  void sort_by_counting(const std::uint8_t* bins, std::size_t count, std::size_t used);
  void scan_histogram(const std::uint8_t* bins, std::size_t count, std::size_t feature, Split& best);
  template <std::size_t kBlocks>
  void scan_blocks(std::size_t count, std::size_t feature, std::size_t bins_used, Split& best);
  void make_leaf(Tree& tree, std::size_t node) const;
  std::size_t partition(const Range& range, const Split& split);
  std::size_t draw_feature(std::size_t drawn);
  std::uint32_t next_word();

  const ForestSample& sample_;
  const TreeOptions& options_;
  std::vector<std::uint32_t> multiplicity_;    // [rows] draws of each row
  std::vector<std::uint32_t> rows_, moved_;    // different rows of the bootstrap sample, each node's together
  std::vector<std::uint32_t> feature_order_;   // a permutation of the columns; the drawn ones come first
  std::vector<std::uint32_t> words_;           // unused random words
  std::size_t words_used_ = 0;
  std::uint64_t words_drawn_ = 0;
  std::uint32_t number_ = 0;

  // Of the current node.
  std::vector<std::uint32_t> codes_, sorted_;  // [rows of the node] its class among those present, and multiplicity
  std::vector<std::size_t> class_of_slot_;
  std::vector<std::int32_t> slot_of_class_;
  std::vector<double> slot_weights_, totals_;  // [slots, padded], weighted
  double total_ = 0, total_squares_ = 0;
  std::size_t stride_ = 0;                     // slots in a bin of the histogram

  std::vector<std::uint8_t> gathered_;         // bins of a few features, [features, rows of the node]
  std::vector<std::int32_t> histogram_;        // [bins, stride]; zero between two scans
  std::vector<std::uint32_t> rows_in_bin_;     // [256]; zero between two scans
  std::vector<double> left_;                   // [slots, padded]
};

}  // namespace deepyeast
