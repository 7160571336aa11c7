// Two ways to score the splits of a node by one feature, with the same result. Nodes of many rows a bin count them by bin
// and class, then scan this histogram with vectors, a bin at a time; classes absent from the node have no slot in it.
// Smaller nodes put their rows in the order of their bins (a counting sort) and take them one by one, which costs no more
// for twelve classes than for two. Counts are whole numbers (bootstrap multiplicities), so that sums without class
// weights are exact.
//
// Large nodes read a feature's bins from the transposed matrix, where a column is contiguous. Small nodes would touch a
// cache line for every value there: they read rows, whose features share lines, a few features at a time. Only a few,
// since a split that separates the classes perfectly cannot be beaten and ends the search (ties go to the feature drawn
// first, as in scikit-learn).
#include "tree_grower.h"

#include <algorithm>
#include <cstring>

#include "../system/random.h"

namespace deepyeast {
namespace {

constexpr std::size_t kBlock = 4;                // slots are padded to whole blocks
constexpr std::size_t kRowWise = 2048;           // nodes of fewer rows read rows
constexpr std::size_t kSortedPerBlock = 1024;    // nodes of fewer rows for each block of slots sort
constexpr std::size_t kFeaturesAtOnce = 10;
constexpr std::size_t kWordsAtOnce = 256;
constexpr std::uint32_t kBootstrapStream = 0, kFeatureStream = 1;

// Four doubles, for which compilers use one or two vector registers of the target.
typedef double Block __attribute__((vector_size(32)));
typedef std::int32_t IntegerBlock __attribute__((vector_size(16)));

typedef std::int16_t Keys __attribute__((vector_size(16)));
constexpr std::size_t kRanked = 32;              // nodes of at most so many rows sort by rank
constexpr unsigned kRankBits = 5;

// A row in a node: 10 bits of slot, 14 bits of multiplicity, 8 bits for the bin.
constexpr unsigned kSlotBits = 10, kBinShift = 24;
constexpr std::uint32_t kSlotMask = (1u << kSlotBits) - 1, kMultiplicityMask = (1u << (kBinShift - kSlotBits)) - 1;

double sum(const Block& block) { return (block[0] + block[1]) + (block[2] + block[3]); }

// An integer of [0, bound) from 32 random bits; its bias, bound / 2^32, is too small to show in any sample.
std::size_t scaled(std::uint32_t word, std::size_t bound) {
  return static_cast<std::size_t>((std::uint64_t{word} * bound) >> 32);
}

}  // namespace

TreeGrower::TreeGrower(const ForestSample& sample, const TreeOptions& options)
    : sample_(sample),
      options_(options),
      multiplicity_(sample.rows.rows),
      feature_order_(sample.rows.columns),
      slot_of_class_(sample.classes),
      rows_in_bin_(256) {}

std::uint32_t TreeGrower::next_word() {
  if (words_used_ == words_.size()) {
    words_.resize(kWordsAtOnce);
    RandomStream(options_.seed, Purpose::forest, number_, kFeatureStream)
        .words(words_drawn_, words_.size(), words_.data());
    words_drawn_ += words_.size();
    words_used_ = 0;
  }
  return words_[words_used_++];
}

std::size_t TreeGrower::draw_feature(std::size_t drawn) {
  const std::size_t pick = drawn + scaled(next_word(), feature_order_.size() - drawn);
  std::swap(feature_order_[drawn], feature_order_[pick]);
  return feature_order_[drawn];
}

void TreeGrower::draw_bootstrap(std::uint32_t number, Tree& tree) {
  const RandomStream stream(options_.seed, Purpose::forest, number, kBootstrapStream);
  std::fill(multiplicity_.begin(), multiplicity_.end(), 0);
  std::vector<std::uint32_t> words;
  if (options_.down_sample) {
    std::size_t least = sample_.rows.rows;
    for (const auto& rows : sample_.rows_of_class) {
      if (!rows.empty()) least = std::min(least, rows.size());
    }
    std::uint64_t element = 0;
    words.resize(least);
    for (const auto& rows : sample_.rows_of_class) {
      if (rows.empty()) continue;
      stream.words(element, least, words.data());
      element += least;
      for (const std::uint32_t word : words) ++multiplicity_[rows[scaled(word, rows.size())]];
    }
  } else {
    words.resize(sample_.rows.rows);
    stream.words(0, words.size(), words.data());
    for (const std::uint32_t word : words) ++multiplicity_[scaled(word, words.size())];
  }
  rows_.clear();
  tree.in_bag.assign((sample_.rows.rows + 7) / 8, 0);
  for (std::size_t row = 0; row < multiplicity_.size(); ++row) {
    if (multiplicity_[row] == 0) continue;
    rows_.push_back(static_cast<std::uint32_t>(row));
    tree.in_bag[row / 8] = static_cast<std::uint8_t>(tree.in_bag[row / 8] | 1 << (row % 8));
  }
  moved_.resize(rows_.size());
}

Tree TreeGrower::grow(std::uint32_t number) {
  number_ = number;
  words_.clear();
  words_used_ = 0;
  words_drawn_ = 0;
  for (std::size_t i = 0; i < feature_order_.size(); ++i) feature_order_[i] = static_cast<std::uint32_t>(i);

  Tree tree;
  tree.impurity_decrease.assign(sample_.rows.columns, 0);
  draw_bootstrap(number, tree);
  tree.nodes.emplace_back();
  std::vector<Range> stack{{0, 0, rows_.size()}};
  while (!stack.empty()) {
    const Range range = stack.back();
    stack.pop_back();
    const bool divisible = prepare(range);
    const Split split = divisible ? best_split(range) : Split{0, 0, -1};
    if (split.bin < 0) {
      make_leaf(tree, range.node);
      continue;
    }
    // The parent's weighted impurity n (1 - sum p^2) less those of the children.
    tree.impurity_decrease[split.feature] += std::max(0.0, split.score - total_squares_ / total_);
    const std::size_t middle = partition(range, split);
    const std::size_t left = tree.nodes.size();
    tree.nodes.resize(left + 2);
    TreeNode& node = tree.nodes[range.node];
    node.leaf = false;
    node.feature = static_cast<std::uint16_t>(split.feature);
    node.bin = static_cast<std::uint8_t>(split.bin);
    node.left = static_cast<std::uint32_t>(left);
    stack.push_back({left + 1, middle, range.end});
    stack.push_back({left, range.begin, middle});
  }
  double decrease = 0;
  for (const double value : tree.impurity_decrease) decrease += value;
  if (decrease > 0) {
    for (double& value : tree.impurity_decrease) value /= decrease;
  }
  tree.nodes.shrink_to_fit();
  return tree;
}

bool TreeGrower::prepare(const Range& range) {
  const std::size_t count = range.end - range.begin;
  codes_.resize(std::max(codes_.size(), count));
  sorted_.resize(std::max(sorted_.size(), count));
  std::fill(slot_of_class_.begin(), slot_of_class_.end(), 0);
  for (std::size_t i = range.begin; i < range.end; ++i) {
    slot_of_class_[sample_.labels[rows_[i]]] += static_cast<std::int32_t>(multiplicity_[rows_[i]]);
  }
  class_of_slot_.clear();
  slot_weights_.clear();
  totals_.clear();
  total_ = total_squares_ = 0;
  for (std::size_t k = 0; k < sample_.classes; ++k) {
    if (slot_of_class_[k] == 0) continue;
    const double weighted = slot_of_class_[k] * options_.class_weights[k];
    slot_of_class_[k] = static_cast<std::int32_t>(class_of_slot_.size());
    class_of_slot_.push_back(k);
    slot_weights_.push_back(options_.class_weights[k]);
    totals_.push_back(weighted);
    total_ += weighted;
    total_squares_ += weighted * weighted;
  }
  if (class_of_slot_.size() < 2 || count < 2 * options_.leaf_size) return false;
  stride_ = (class_of_slot_.size() + kBlock - 1) / kBlock * kBlock;
  slot_weights_.resize(stride_);
  totals_.resize(stride_);
  left_.resize(stride_);
  histogram_.resize(std::max(histogram_.size(), 256 * stride_));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t row = rows_[range.begin + i];
    codes_[i] = static_cast<std::uint32_t>(slot_of_class_[sample_.labels[row]]) | multiplicity_[row] << kSlotBits;
  }
  return true;
}

TreeGrower::Split TreeGrower::best_split(const Range& range) {
  const std::size_t count = range.end - range.begin, columns = sample_.rows.columns;
  const bool row_wise = count < kRowWise, sort = count < kSortedPerBlock * stride_ / kBlock;
  const std::size_t at_once = row_wise ? kFeaturesAtOnce : 1;
  gathered_.resize(std::max(gathered_.size(), at_once * count));
  Split best{-1, 0, -1};
  bool constant = true;  // all features so far
  std::size_t drawn = 0;
  while (drawn < columns && (drawn < options_.features_per_split || constant)) {
    const std::size_t limit = drawn < options_.features_per_split ? options_.features_per_split : columns;
    const std::size_t number = std::min(at_once, limit - drawn);
    std::uint32_t features[kFeaturesAtOnce];
    for (std::size_t j = 0; j < number; ++j) features[j] = static_cast<std::uint32_t>(draw_feature(drawn + j));
    if (row_wise) {
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t* row = sample_.rows.row(rows_[range.begin + i]);
        for (std::size_t j = 0; j < number; ++j) gathered_[j * count + i] = row[features[j]];
      }
    } else {
      const std::uint8_t* column = sample_.by_column.data() + features[0] * sample_.rows.rows;
      for (std::size_t i = 0; i < count; ++i) gathered_[i] = column[rows_[range.begin + i]];
    }
    for (std::size_t j = 0; j < number; ++j) {
      const std::uint8_t* bins = gathered_.data() + j * count;
      if (std::all_of(bins, bins + count, [&](std::uint8_t bin) { return bin == bins[0]; })) continue;
      // Among features drawn beyond the number asked for, one that is not constant is enough.
      if (drawn + j >= options_.features_per_split && !constant) break;
      constant = false;
      if (sort) {
        scan_sorted(bins, count, features[j], best);
      } else {
        scan_histogram(bins, count, features[j], best);
      }
      if (best.score >= total_) return best;  // the split separates the classes perfectly
    }
    drawn += number;
  }
  return best;
}

// For few rows: the rank of a row is the number of rows with smaller keys, computed for eight rows at once.
void TreeGrower::sort_by_rank(const std::uint8_t* bins, std::size_t count) {
  // The key is the bin, then the position, so that all keys differ. Unused places have the greatest key, which no count
    // includes.
  std::int16_t keys[kRanked];
  for (std::size_t i = 0; i < kRanked; ++i) {
    keys[i] = static_cast<std::int16_t>(i < count ? bins[i] << kRankBits | i : 0x7fff);
  }
  const std::size_t groups = (count + 7) / 8;
  Keys own[kRanked / 8], places[kRanked / 8] = {};
  std::memcpy(own, keys, sizeof own);
  for (std::size_t j = 0; j < count; ++j) {
    const Keys other = Keys{} + keys[j];
    for (std::size_t group = 0; group < groups; ++group) places[group] -= own[group] > other;
  }
  for (std::size_t i = 0; i < count; ++i) {
    sorted_[static_cast<std::size_t>(places[i / 8][i % 8])] = codes_[i] | std::uint32_t{bins[i]} << kBinShift;
  }
}

void TreeGrower::sort_by_counting(const std::uint8_t* bins, std::size_t count, std::size_t used) {
  std::uint32_t* place = rows_in_bin_.data();
  for (std::size_t i = 0; i < count; ++i) ++place[bins[i]];
  std::uint32_t before = 0;
  for (std::size_t bin = 0; bin < used; ++bin) {
    const std::uint32_t rows = place[bin];
    place[bin] = before;
    before += rows;
  }
  for (std::size_t i = 0; i < count; ++i) {
    sorted_[place[bins[i]]++] = codes_[i] | std::uint32_t{bins[i]} << kBinShift;
  }
  std::fill_n(place, used, 0u);
}

// Both sides' weights and sums of squares, while rows move from the right to the left one by one. For two classes, as most
// deep nodes have, they stay in registers: a load would wait for the store of the row before.
struct TreeGrower::TwoClasses {
  explicit TwoClasses(const TreeGrower& grower)
      : first{grower.slot_weights_[0], 0}, second{0, grower.slot_weights_[1]}, totals{grower.totals_[0],
                                                                                      grower.totals_[1]} {}
  void take(std::uint32_t slot, double rows) {
    left[0] += rows * first[slot];
    left[1] += rows * second[slot];
  }
  double left_total() const { return left[0] + left[1]; }
  double left_squares() const { return left[0] * left[0] + left[1] * left[1]; }
  double right_squares() const {
    const double a = totals[0] - left[0], b = totals[1] - left[1];
    return a * a + b * b;
  }
  const double first[2], second[2], totals[2];
  double left[2] = {};
};

struct TreeGrower::AnyClasses {
  explicit AnyClasses(TreeGrower& grower)
      : left(grower.left_.data()),
        weights(grower.slot_weights_.data()),
        totals(grower.totals_.data()),
        right(grower.total_squares_) {
    std::fill_n(left, grower.stride_, 0.0);
  }
  void take(std::uint32_t slot, double rows) {
    const double weight = rows * weights[slot], before = left[slot], after = before + weight;
    left[slot] = after;
    sum += weight;
    squares += weight * (before + after);
    right -= weight * (2 * totals[slot] - before - after);
  }
  double left_total() const { return sum; }
  double left_squares() const { return squares; }
  double right_squares() const { return right; }
  double* left;
  const double *weights, *totals;
  double sum = 0, squares = 0, right;
};

// The number of sorted rows on the left of the best split, whose score it sets; 0 where none is better.
template <typename Sides>
std::size_t TreeGrower::best_end(Sides sides, std::size_t count, Split& best) const {
  const std::uint32_t* sorted = sorted_.data();
  const std::size_t smallest = options_.leaf_size;
  double best_score = best.score;
  std::size_t end = 0;
  for (std::size_t i = 0; i + smallest < count; ++i) {
    const std::uint32_t code = sorted[i];
    sides.take(code & kSlotMask, static_cast<double>(code >> kSlotBits & kMultiplicityMask));
    const double left_total = sides.left_total(), right_total = total_ - left_total;
    // The score is gained / scale; a product costs less than a quotient. This is the only branch, hardly ever taken: whether a
    // bin ends here could not be predicted.
    const double gained = sides.left_squares() * right_total + sides.right_squares() * left_total;
    const double scale = left_total * right_total;
    const bool boundary = ((code ^ sorted[i + 1]) >> kBinShift) != 0;
    if ((gained > best_score * scale) & boundary & (i + 1 >= smallest)) {
      best_score = gained / scale;
      end = i + 1;
    }
  }
  best.score = best_score;
  return end;
}

// Both scans maximise sum L^2 / |L| + sum R^2 / |R| over the weights L, R of the classes on the two sides: the total
// weight less the children's weighted Gini impurities.
void TreeGrower::scan_sorted(const std::uint8_t* bins, std::size_t count, std::size_t feature, Split& best) {
  if (count <= kRanked) {
    sort_by_rank(bins, count);
  } else {
    sort_by_counting(bins, count, sample_.edge_counts[feature] + 1);
  }
  const std::uint32_t* sorted = sorted_.data();
  const std::size_t end =
      class_of_slot_.size() == 2 ? best_end(TwoClasses(*this), count, best) : best_end(AnyClasses(*this), count, best);
  if (end == 0) return;
  const std::uint32_t low = sorted[end - 1] >> kBinShift, high = sorted[end] >> kBinShift;
  best.feature = feature;
  best.bin = static_cast<int>((low + high - 1) / 2);
}

void TreeGrower::scan_histogram(const std::uint8_t* bins, std::size_t count, std::size_t feature, Split& best) {
  const std::size_t used = sample_.edge_counts[feature] + 1;
  std::int32_t* histogram = histogram_.data();
  for (std::size_t i = 0; i < count; ++i) {
    histogram[bins[i] * stride_ + (codes_[i] & kSlotMask)] += static_cast<std::int32_t>(codes_[i] >> kSlotBits);
    ++rows_in_bin_[bins[i]];
  }
  switch (stride_ / kBlock) {
    case 1: return scan_blocks<1>(count, feature, used, best);
    case 2: return scan_blocks<2>(count, feature, used, best);
    case 3: return scan_blocks<3>(count, feature, used, best);
    case 4: return scan_blocks<4>(count, feature, used, best);
    case 5: return scan_blocks<5>(count, feature, used, best);
    default: return scan_blocks<0>(count, feature, used, best);
  }
}

// kBlocks: the number of blocks of the stride; 0: any number. Clears the histogram.
template <std::size_t kBlocks>
void TreeGrower::scan_blocks(std::size_t count, std::size_t feature, std::size_t bins_used, Split& best) {
  const std::size_t blocks = kBlocks > 0 ? kBlocks : stride_ / kBlock;
  double* left = left_.data();
  std::fill_n(left, stride_, 0.0);
  double left_total = 0, left_squares = 0, right_squares = 0;
  std::size_t rows_left = 0;
  std::size_t previous = 0;
  for (std::size_t bin = 0; bin < bins_used; ++bin) {
    const auto rows = static_cast<std::size_t>(rows_in_bin_[bin]);
    if (rows == 0) continue;
    if (rows_left >= options_.leaf_size && count - rows_left >= options_.leaf_size) {
      const double right_total = total_ - left_total;
      const double score = (left_squares * right_total + right_squares * left_total) / (left_total * right_total);
      if (score > best.score) best = {score, feature, static_cast<int>((previous + bin - 1) / 2)};
    }
    std::int32_t* counts = histogram_.data() + bin * stride_;
    Block total{}, squares{}, others{};
    for (std::size_t b = 0; b < blocks; ++b) {
      IntegerBlock whole;
      Block weights, totals, sofar;
      std::memcpy(&whole, counts + b * kBlock, sizeof whole);
      std::memcpy(&weights, slot_weights_.data() + b * kBlock, sizeof weights);
      std::memcpy(&totals, totals_.data() + b * kBlock, sizeof totals);
      std::memcpy(&sofar, left + b * kBlock, sizeof sofar);
      sofar += __builtin_convertvector(whole, Block) * weights;
      std::memcpy(left + b * kBlock, &sofar, sizeof sofar);
      const Block right = totals - sofar;
      total += sofar;
      squares += sofar * sofar;
      others += right * right;
    }
    std::memset(counts, 0, stride_ * sizeof *counts);
    rows_in_bin_[bin] = 0;
    left_total = sum(total);
    left_squares = sum(squares);
    right_squares = sum(others);
    rows_left += rows;
    previous = bin;
  }
}

void TreeGrower::make_leaf(Tree& tree, std::size_t node) const {
  TreeNode& leaf = tree.nodes[node];
  leaf.leaf = true;
  if (class_of_slot_.size() == 1) {
    leaf.left = static_cast<std::uint32_t>(class_of_slot_[0]);
    return;
  }
  const std::size_t row = tree.distributions.size() / sample_.classes;
  leaf.left = static_cast<std::uint32_t>(sample_.classes + row);
  tree.distributions.resize(tree.distributions.size() + sample_.classes);
  float* distribution = tree.distributions.data() + row * sample_.classes;
  for (std::size_t slot = 0; slot < class_of_slot_.size(); ++slot) {
    distribution[class_of_slot_[slot]] = static_cast<float>(totals_[slot] / total_);
  }
}

std::size_t TreeGrower::partition(const Range& range, const Split& split) {
  const std::uint8_t* column = sample_.by_column.data() + split.feature * sample_.rows.rows;
  std::size_t left = range.begin, right = 0;
  for (std::size_t i = range.begin; i < range.end; ++i) {
    const std::uint32_t row = rows_[i];
    const bool goes_left = column[row] <= split.bin;
    rows_[left] = row;
    moved_[right] = row;
    left += goes_left;
    right += !goes_left;
  }
  std::copy_n(moved_.begin(), right, rows_.begin() + static_cast<std::ptrdiff_t>(left));
  return left;
}

}  // namespace deepyeast
