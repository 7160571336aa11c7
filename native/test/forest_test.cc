// The forest's trees against a plain re-computation: every split is the best possible one, every leaf has the class
// probabilities of its rows, and the number of threads changes nothing.
#include "../forest/forest.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "../system/random.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

struct Data {
  std::size_t rows, columns, classes;
  std::vector<float> values;
  std::vector<std::int32_t> labels;
};

// Columns of many values, of few, of one; labels that depend on some of them.
Data make_data(std::size_t rows, std::size_t columns, std::size_t classes) {
  Data data{rows, columns, classes, std::vector<float>(rows * columns), std::vector<std::int32_t>(rows)};
  std::vector<double> normal(rows * (columns + 1));
  RandomStream(11, Purpose::simulation, 0, 0).normals(0, normal.size(), normal.data());
  for (std::size_t row = 0; row < rows; ++row) {
    const double* noise = normal.data() + row * (columns + 1);
    const double wanted = (0.5 + 0.25 * noise[columns]) * static_cast<double>(classes);
    const auto label = static_cast<std::size_t>(std::min(std::max(wanted, 0.0), static_cast<double>(classes - 1)));
    data.labels[row] = static_cast<std::int32_t>(label);
    for (std::size_t column = 0; column < columns; ++column) {
      double value = noise[column] + (column < columns / 2 ? 0.3 * static_cast<double>(label % (column + 2)) : 0);
      if (column % 4 == 1) value = std::floor(value);
      if (column % 4 == 3) value = 5;
      data.values[row * columns + column] = static_cast<float>(value);
    }
  }
  return data;
}

struct Grown {
  ForestSample sample;
  BinEdges edges;
};

Grown sample_of(const Data& data) {
  Grown grown;
  grown.edges = BinEdges::fit(data.values.data(), data.rows, data.columns, 2);
  grown.sample.rows = BinnedRows(grown.edges, data.values.data(), data.rows, 2);
  grown.sample.by_column = grown.sample.rows.transposed(2);
  for (std::size_t c = 0; c < data.columns; ++c) grown.sample.edge_counts.push_back(grown.edges.column(c).size());
  grown.sample.labels = data.labels;
  grown.sample.classes = data.classes;
  grown.sample.rows_of_class.resize(data.classes);
  for (std::size_t row = 0; row < data.rows; ++row) {
    grown.sample.rows_of_class[static_cast<std::size_t>(data.labels[row])].push_back(static_cast<std::uint32_t>(row));
  }
  return grown;
}

// Draws of each row, from the definition: row = word * rows / 2^32.
std::vector<double> bootstrap_weights(const Data& data, const TreeOptions& options, std::uint32_t tree) {
  std::vector<double> weights(data.rows);
  const RandomStream stream(options.seed, Purpose::forest, tree, 0);
  for (std::size_t draw = 0; draw < data.rows; ++draw) {
    weights[(std::uint64_t{stream.word(draw)} * data.rows) >> 32] += 1;
  }
  for (std::size_t row = 0; row < data.rows; ++row) {
    weights[row] *= options.class_weights[static_cast<std::size_t>(data.labels[row])];
  }
  return weights;
}

double score_of(const Data& data, const std::vector<double>& weights, const std::vector<std::size_t>& rows,
                const std::vector<bool>& goes_left) {
  std::vector<double> left(data.classes), right(data.classes);
  double left_total = 0, right_total = 0, score_left = 0, score_right = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& side = goes_left[i] ? left : right;
    side[static_cast<std::size_t>(data.labels[rows[i]])] += weights[rows[i]];
    (goes_left[i] ? left_total : right_total) += weights[rows[i]];
  }
  for (std::size_t k = 0; k < data.classes; ++k) {
    score_left += left[k] * left[k];
    score_right += right[k] * right[k];
  }
  return score_left / left_total + score_right / right_total;
}

// The best score among all columns and bins; below zero where no split leaves enough rows on both sides.
double best_score(const Data& data, const Grown& grown, const TreeOptions& options, const std::vector<double>& weights,
                  const std::vector<std::size_t>& rows) {
  double best = -1;
  for (std::size_t column = 0; column < data.columns; ++column) {
    std::vector<double> left(data.classes), right(data.classes);
    std::map<int, std::vector<std::size_t>> by_bin;
    for (const std::size_t row : rows) {
      by_bin[grown.sample.rows.row(row)[column]].push_back(row);
      right[static_cast<std::size_t>(data.labels[row])] += weights[row];
    }
    std::size_t count = 0;
    for (const auto& [bin, of_bin] : by_bin) {
      for (const std::size_t row : of_bin) {
        left[static_cast<std::size_t>(data.labels[row])] += weights[row];
        right[static_cast<std::size_t>(data.labels[row])] -= weights[row];
      }
      count += of_bin.size();
      if (count < options.leaf_size || rows.size() - count < options.leaf_size || count == rows.size()) continue;
      double left_total = 0, right_total = 0, left_squares = 0, right_squares = 0;
      for (std::size_t k = 0; k < data.classes; ++k) {
        left_total += left[k];
        right_total += right[k];
        left_squares += left[k] * left[k];
        right_squares += right[k] * right[k];
      }
      best = std::max(best, left_squares / left_total + right_squares / right_total);
    }
  }
  return best;
}

void check_tree(const Data& data, const TreeOptions& options) {
  const Grown grown = sample_of(data);
  TreeGrower grower(grown.sample, options);
  const Tree tree = grower.grow(3);
  const std::vector<double> weights = bootstrap_weights(data, options, 3);
  std::vector<std::vector<std::size_t>> rows(tree.nodes.size());
  for (std::size_t row = 0; row < data.rows; ++row) {
    expect(tree.is_in_bag(row) == (weights[row] > 0), "the bag does not hold the rows drawn");
    if (weights[row] > 0) rows[0].push_back(row);
  }
  std::size_t inner = 0;
  for (std::size_t index = 0; index < tree.nodes.size(); ++index) {
    const TreeNode& node = tree.nodes[index];
    const std::string where = "node " + std::to_string(index) + " of " + std::to_string(rows[index].size()) + " rows";
    expect(rows[index].size() >= options.leaf_size, where + " is too small");
    const double best = best_score(data, grown, options, weights, rows[index]);
    std::vector<double> totals(data.classes);
    double total = 0;
    for (const std::size_t row : rows[index]) {
      totals[static_cast<std::size_t>(data.labels[row])] += weights[row];
      total += weights[row];
    }
    const bool pure = *std::max_element(totals.begin(), totals.end()) == total;
    if (node.leaf) {
      expect(pure || best < 0 || rows[index].size() < 2 * options.leaf_size, where + " could have been split");
      std::vector<double> sums(data.classes);
      tree.add_leaf(index, data.classes, 1.0, sums.data());
      for (std::size_t k = 0; k < data.classes; ++k) {
        expect(std::abs(sums[k] - totals[k] / total) < 1e-6, where + ": probability of class " + std::to_string(k));
      }
      continue;
    }
    ++inner;
    expect(!pure, where + " is pure and was split");
    std::vector<bool> goes_left;
    for (const std::size_t row : rows[index]) {
      goes_left.push_back(data.values[row * data.columns + node.feature] <=
                          grown.edges.column(node.feature)[node.bin]);
      rows[node.left + (goes_left.back() ? 0 : 1)].push_back(row);
    }
    const double score = score_of(data, weights, rows[index], goes_left);
    expect(std::abs(score - best) <= 1e-9 * total,
           where + " scores " + std::to_string(score) + "; the best split scores " + std::to_string(best));
  }
  expect(inner > 3, "the tree has " + std::to_string(inner) + " inner nodes: too few to show anything");
}

TEST(forest_takes_the_best_split_of_small_nodes) {
  for (const std::size_t classes : {2, 3, 7, 30}) {
    TreeOptions options;
    options.features_per_split = 8;
    options.class_weights.assign(classes, 1);
    check_tree(make_data(500, 8, classes), options);
  }
}

TEST(forest_takes_the_best_split_of_large_nodes_and_keeps_leaves_large) {
  for (const std::size_t classes : {2, 9, 23}) {
    TreeOptions options;
    options.features_per_split = 6;
    options.leaf_size = 400;
    options.seed = 5;
    for (std::size_t k = 0; k < classes; ++k) options.class_weights.push_back(0.5 + 0.37 * static_cast<double>(k));
    check_tree(make_data(20000, 6, classes), options);
  }
}

TEST(forest_does_not_depend_on_the_number_of_threads) {
  const Data data = make_data(700, 12, 5);
  TreeOptions options;
  options.features_per_split = 3;
  options.class_weights.assign(5, 1);
  options.down_sample = true;
  std::vector<float> first;
  for (const int threads : {1, 2, 5}) {
    Forest forest(data.columns, data.classes);
    forest.begin_training(data.values.data(), data.labels, options, threads);
    const std::atomic<bool> cancelled{false};
    std::atomic<std::size_t> done{0};
    forest.grow(threads == 2 ? 4 : 13, threads, cancelled, done);
    if (threads == 2) forest.grow(9, threads, cancelled, done);
    expect(done == 13, "13 trees are grown");
    const ForestArrays arrays = forest.arrays();
    std::vector<float> all(arrays.thresholds);
    all.insert(all.end(), arrays.leaves.begin(), arrays.leaves.end());
    for (const std::int32_t value : arrays.features) all.push_back(static_cast<float>(value));
    for (const std::int32_t value : arrays.left) all.push_back(static_cast<float>(value));
    all.push_back(static_cast<float>(forest.out_of_bag_error(threads)));
    if (first.empty()) first = all;
    expect_same(all, first, std::to_string(threads) + " threads");
  }
}

TEST(bin_edges_part_distinct_values_and_share_the_rest_evenly) {
  std::vector<float> values;
  for (int row = 0; row < 100000; ++row) {
    values.push_back(static_cast<float>(row % 7));           // few values
    values.push_back(row % 2 == 0 ? 0.0f : 1e-3f * row);     // half the rows have the same value
    values.push_back(-std::ldexp(1.0f, row % 200 - 100));    // any magnitude
  }
  const BinEdges edges = BinEdges::fit(values.data(), 100000, 3, 2);
  expect(edges.column(0).size() == 6, "one edge between two of seven values");
  expect(edges.column(2).size() == 199, "one edge between two of 200 values");
  expect(edges.column(1).size() >= 250, "a frequent value leaves bins for the others");
  for (std::size_t column = 0; column < 3; ++column) {
    expect(std::is_sorted(edges.column(column).begin(), edges.column(column).end()), "edges ascend");
  }
  for (const float edge : edges.column(1)) {
    expect(edges.bin(1, edge) + 1 == edges.bin(1, std::nextafter(edge, 1e9f)), "a value at an edge is below it");
  }
}

}  // namespace
