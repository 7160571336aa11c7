// How much memory a training step takes, and which batch would fit.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "backend.h"
#include "topology.h"

namespace deepyeast {

// Values per image: of the input, of a layer's linear output, and of what the next layer reads.
std::size_t image_values(const Topology& topology);
std::size_t linear_values(const Layer& layer);
std::size_t output_values(const Layer& layer);

// Bytes of a training step's buffers that grow with the batch (one image's), and of those that do not (gradients and
// momentum; the parameters are there already).
struct TrainingMemory {
  std::size_t per_image, fixed;
};
TrainingMemory training_memory(const std::vector<Layer>& layers, const Topology& topology,
                               const ParameterLayout& layout, int activation_bytes);

// The largest batch whose training step fits into `available` bytes, a tenth of them left for workspace; 0: none.
int largest_batch(const TrainingMemory& memory, std::size_t available);

// For an out-of-memory error, appended to its message: "; a batch of 120 would fit into the 3.1 GB that are free". Call it
// when what the failed plan had allocated is free again.
std::string advice_on_memory(const std::vector<Layer>& layers, const Topology& topology, const ParameterLayout& layout,
                             const Backend& backend, int batch);

}  // namespace deepyeast
