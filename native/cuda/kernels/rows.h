// How a channels-last tensor, rows of `channels` values, is cut among blocks of 256 threads: by its shape alone. A thread
// takes one pack of `vector` neighbouring channels and every lanes-th row of its block, so that it keeps the channels'
// coefficients in registers and neighbouring threads read neighbouring memory.
#pragma once

#include "device.h"

namespace deepyeast::cuda {

constexpr int block_threads = 256;

struct RowCut {
  Index rows;
  int channels, packs;     // packs of a row
  int block_packs, lanes;  // of a block
  Index block_rows, row_blocks;
  int pack_blocks;

  Index blocks() const { return row_blocks * pack_blocks; }
};

// At most about `blocks` blocks. channels is a multiple of vector.
inline RowCut cut_rows(Index rows, int channels, int vector, Index blocks) {
  RowCut cut;
  cut.rows = rows;
  cut.channels = channels;
  cut.packs = channels / vector;
  cut.block_packs = cut.packs < block_threads ? cut.packs : block_threads;
  cut.lanes = block_threads / cut.block_packs;
  cut.pack_blocks = (cut.packs + cut.block_packs - 1) / cut.block_packs;
  Index along = blocks / cut.pack_blocks;
  if (along < 1) along = 1;
  Index block_rows = (rows + along - 1) / along;
  if (block_rows < Index{4} * cut.lanes) block_rows = Index{4} * cut.lanes;
  cut.block_rows = (block_rows + cut.lanes - 1) / cut.lanes * cut.lanes;
  cut.row_blocks = (rows + cut.block_rows - 1) / cut.block_rows;
  return cut;
}

// A thread's share of a cut.
struct RowPlace {
  bool active;
  int pack, block_pack, lane;
  Index row_block, first, last;

  DEEPYEAST_DEVICE RowPlace(const RowCut& cut, Index block, int thread) {
    const int pack_block = static_cast<int>(block % cut.pack_blocks);
    row_block = block / cut.pack_blocks;
    block_pack = thread % cut.block_packs;
    lane = thread / cut.block_packs;
    pack = pack_block * cut.block_packs + block_pack;
    active = lane < cut.lanes && pack < cut.packs;
    first = row_block * cut.block_rows + lane;
    last = (row_block + 1) * cut.block_rows;
    if (last > cut.rows) last = cut.rows;
  }
};

// The rows of a thread in their order, `ahead` at a time: loads of as many rows are begun before the first of them is waited
// for, since one load alone leaves the memory idle. Loaded is what `load(row, &loaded)` fills and `use(row, loaded)` takes.
template <int ahead, typename Loaded, typename Load, typename Use>
DEEPYEAST_DEVICE void for_rows(const RowCut& cut, const RowPlace& place, const Load& load, const Use& use) {
  for (Index first = place.first; first < place.last; first += static_cast<Index>(ahead) * cut.lanes) {
    Loaded loaded[ahead];
    DEEPYEAST_UNROLL
    for (int i = 0; i < ahead; ++i) {
      const Index row = first + static_cast<Index>(i) * cut.lanes;
      if (row < place.last) load(row, &loaded[i]);
    }
    DEEPYEAST_UNROLL
    for (int i = 0; i < ahead; ++i) {
      const Index row = first + static_cast<Index>(i) * cut.lanes;
      if (row < place.last) use(row, loaded[i]);
    }
  }
}

// Two sums a channel over a block's rows: what the threads of the block found, added in the order of the lanes and in
// double precision, goes to partial[row_block][channel][2].
template <int vector>
struct PairSums {
  // Floats of shared memory.
  static std::size_t shared(const RowCut& cut) {
    return static_cast<std::size_t>(cut.lanes) * cut.block_packs * vector * 2;
  }
  DEEPYEAST_DEVICE static void put(const RowCut& cut, const RowPlace& place, const float (&first)[vector],
                                   const float (&second)[vector], float* shared) {
    float* target = shared + (static_cast<Index>(place.lane) * cut.block_packs + place.block_pack) * vector * 2;
    for (int v = 0; v < vector; ++v) {
      target[2 * v] = first[v];
      target[2 * v + 1] = second[v];
    }
  }
  DEEPYEAST_DEVICE static void combine(const RowCut& cut, Index block, int thread, const float* shared,
                                       double* partial) {
    const Index row_block = block / cut.pack_blocks;
    const int first_channel = static_cast<int>(block % cut.pack_blocks) * cut.block_packs * vector;
    const int values = cut.block_packs * vector * 2;
    for (int i = thread; i < values; i += block_threads) {
      const int channel = first_channel + i / 2;
      if (channel >= cut.channels) continue;
      double sum = 0;
      for (int lane = 0; lane < cut.lanes; ++lane) sum += shared[static_cast<Index>(lane) * values + i];
      partial[(row_block * cut.channels + channel) * 2 + i % 2] = sum;
    }
  }
};

// The partial pairs of eight channels a block: each of 32 lanes adds every 32nd row block, then their sums are added in
// order. Finish(channel, first, second) ends it.
constexpr int final_channels = 8, final_lanes = block_threads / final_channels;

template <typename Finish>
struct FinalSums {
  const double* partial;
  Index row_blocks;
  int channels;
  Finish finish;

  static constexpr std::size_t shared_bytes = block_threads * 2 * sizeof(double);
  Index blocks() const { return (channels + final_channels - 1) / final_channels; }

  DEEPYEAST_DEVICE void first(Index block, int thread, void* shared) const {
    double* sums = static_cast<double*>(shared) + 2 * thread;
    sums[0] = sums[1] = 0;
    const Index channel = block * final_channels + thread % final_channels;
    if (channel >= channels) return;
    double a = 0, b = 0;
    for (Index row = thread / final_channels; row < row_blocks; row += final_lanes) {
      a += partial[(row * channels + channel) * 2];
      b += partial[(row * channels + channel) * 2 + 1];
    }
    sums[0] = a;
    sums[1] = b;
  }
  DEEPYEAST_DEVICE void second(Index block, int thread, void* shared) const {
    const Index channel = block * final_channels + thread;
    if (thread >= final_channels || channel >= channels) return;
    const double* sums = static_cast<const double*>(shared);
    double a = 0, b = 0;
    for (int lane = 0; lane < final_lanes; ++lane) {
      a += sums[2 * (lane * final_channels + thread)];
      b += sums[2 * (lane * final_channels + thread) + 1];
    }
    finish(static_cast<int>(channel), a, b);
  }
};

// Sums of columns: target[column] = sum over rows of values[row][column], in double; cut as FinalSums.
template <typename Type>
struct ColumnSums {
  const Type* values;
  Index rows, columns;
  float* target;

  static constexpr std::size_t shared_bytes = block_threads * sizeof(double);
  Index blocks() const { return (columns + final_channels - 1) / final_channels; }

  DEEPYEAST_DEVICE void first(Index block, int thread, void* shared) const {
    double sum = 0;
    const Index column = block * final_channels + thread % final_channels;
    if (column < columns) {
      for (Index row = thread / final_channels; row < rows; row += final_lanes)
        sum += static_cast<double>(to_float(values[row * columns + column]));
    }
    static_cast<double*>(shared)[thread] = sum;
  }
  DEEPYEAST_DEVICE void second(Index block, int thread, void* shared) const {
    const Index column = block * final_channels + thread;
    if (thread >= final_channels || column >= columns) return;
    double sum = 0;
    for (int lane = 0; lane < final_lanes; ++lane)
      sum += static_cast<const double*>(shared)[lane * final_channels + thread];
    target[column] = static_cast<float>(sum);
  }
};

}  // namespace deepyeast::cuda
