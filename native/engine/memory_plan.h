// How much memory a training step takes, and which batch would fit.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "backend.h"
#include "topology.h"

namespace deepyeast {

// Bytes of a training step's buffers: those of one image, and those that do not grow with the batch (gradients and
// momentum; the parameters have been allocated before).
struct TrainingMemory {
  std::size_t per_image, fixed;
};
TrainingMemory training_memory(const std::vector<Layer>& layers, const Topology& topology,
                               const ParameterLayout& layout, int activation_bytes);

// The largest batch whose training step fits into `available` bytes, a tenth of them left for workspace; 0: none.
int largest_batch(const TrainingMemory& memory, std::size_t available);

// What to append to the message of an out-of-memory error: "; a batch of 120 would fit into the 3.1 GB that are free".
// Call it when what the failed step had allocated is free again.
std::string advice_on_memory(const std::vector<Layer>& layers, const Topology& topology, const ParameterLayout& layout,
                             const Backend& backend, int batch);

}  // namespace deepyeast
