#include "memory_plan.h"

#include <algorithm>
#include <cstdio>

namespace deepyeast {

TrainingMemory training_memory(const std::vector<Layer>& layers, const Topology& topology,
                               const ParameterLayout& layout, int activation_bytes) {
  std::size_t values = image_values(topology), largest = values;
  for (const Layer& layer : layers) {
    values += linear_values(layer) + (layer.normalized ? output_values(layer) : 0);
    largest = std::max(largest, linear_values(layer));
  }
  return {(values + 2 * largest) * static_cast<std::size_t>(activation_bytes),
          2 * layout.trainable_size * sizeof(float)};
}

int largest_batch(const TrainingMemory& memory, std::size_t available) {
  const std::size_t usable = available / 10 * 9;
  if (usable <= memory.fixed) return 0;
  return static_cast<int>(std::min<std::size_t>((usable - memory.fixed) / memory.per_image, 65536));
}

std::string advice_on_memory(const std::vector<Layer>& layers, const Topology& topology, const ParameterLayout& layout,
                             const Backend& backend, int batch) {
  const std::size_t available = backend.available_memory();
  if (available == 0) return "";
  const TrainingMemory memory = training_memory(layers, topology, layout, backend.activation_bytes());
  const int fits = std::min(largest_batch(memory, available), batch - 1);
  char text[160];
  const double gigabytes = static_cast<double>(available) * 1e-9;
  if (fits > 0) {
    std::snprintf(text, sizeof text, "; for training a batch of %d would fit into the %.1f GB that are free", fits,
                  gigabytes);
  } else {
    std::snprintf(text, sizeof text, "; no batch would fit into the %.1f GB that are free", gigabytes);
  }
  return text;
}

}  // namespace deepyeast
