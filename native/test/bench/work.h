// How much a training iteration and inference have to compute and to move, from shapes alone. Measured times are compared
// with this. Operations have the names of CUDA's profile.
//
// flop: two for every multiply-add of convolutions and dense layers; everything else counts nothing.
// bytes: of device memory, every input of an operation read once and every output written once. Batch statistics are an
// operation of their own; normalization's gradient reads its inputs twice, since its sums must be known before it can write.
// The composed step cannot take less, unless a cache keeps what one operation hands to the next.
#pragma once

#include <string>
#include <vector>

#include "../../engine/topology.h"

namespace deepyeast::test {

struct Work {
  double flop = 0, bytes = 0;
};

struct OperationWork {
  std::string name;
  Work work;  // of all its calls in one iteration
};

// activation_bytes: 2 for bfloat16, whose weights are converted from float32 in every iteration, else 4.
std::vector<OperationWork> training_work(const Topology& topology, int batch, int activation_bytes);
// Scale, shift and ReLU being applied by the convolutions.
std::vector<OperationWork> inference_work(const Topology& topology, int batch, int activation_bytes);

Work total(const std::vector<OperationWork>& operations);

// What a card has been measured to reach; 0: not known.
struct Ceilings {
  double teraflops_per_second = 0;  // products of large matrices in the precision at hand
  double gigabytes_per_second = 0;  // long copies on the device, read and written bytes together
};

// The share of each ceiling that work done in so many milliseconds has reached; 0 where it is not known.
double matrix_share(const Work& work, double milliseconds, const Ceilings& ceilings);
double copy_share(const Work& work, double milliseconds, const Ceilings& ceilings);
// Whether moving the bytes takes longer at the ceilings than computing does.
bool bound_by_copies(const Work& work, const Ceilings& ceilings);

}  // namespace deepyeast::test
