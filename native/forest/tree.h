// A decision tree over binned features.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace deepyeast {

// Inner node: rows whose bin of `feature` is at most `bin` go to node `left`, the others to left + 1.
// Leaf: class `left` where that is below the number of classes, else row (left - classes) of the tree's distributions.
struct TreeNode {
  std::uint32_t left = 0;
  std::uint16_t feature = 0;
  std::uint8_t bin = 0;
  bool leaf = true;
};

struct Tree {
  std::vector<TreeNode> nodes;               // the root first, children after their parent
  std::vector<float> distributions;          // [impure leaves, classes], each row sums to one
  std::vector<std::uint8_t> in_bag;          // one bit a training row; empty in a forest that was loaded
  std::vector<double> impurity_decrease;     // [columns], as shares of their sum; all zero for a tree of one leaf

  // The index of the leaf that a row of bins reaches.
  std::size_t leaf_of(const std::uint8_t* row) const {
    std::size_t index = 0;
    while (!nodes[index].leaf) {
      const TreeNode& node = nodes[index];
      index = node.left + (row[node.feature] > node.bin);
    }
    return index;
  }
  bool is_in_bag(std::size_t row) const { return (in_bag[row / 8] >> (row % 8)) & 1; }
  // Adds `sign` times the leaf's class probabilities to sums[0, classes).
  template <typename Number>
  void add_leaf(std::size_t leaf, std::size_t classes, Number sign, Number* sums) const {
    const std::size_t value = nodes[leaf].left;
    if (value < classes) {
      sums[value] += sign;
      return;
    }
    const float* distribution = distributions.data() + (value - classes) * classes;
    for (std::size_t k = 0; k < classes; ++k) sums[k] += sign * distribution[k];
  }
};

}  // namespace deepyeast
