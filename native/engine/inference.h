// The inference of a network: normalization folded into the layers before it, passes handed over to the backend.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backend.h"
#include "inference_pass.h"
#include "layer_operations.h"
#include "parameters.h"
#include "topology.h"

namespace deepyeast {

class Inference {
 public:
  Inference(const Topology& topology, const std::vector<Layer>& layers, Parameters& parameters,
            LayerOperations& operations, Backend& backend);

  // Takes the images through the layers up to `last_layer`, whose output is wanted at `stage`.
  void run(std::size_t last_layer, Stage stage, const InferenceImages& images, const InferenceResults& results);
  // See InferenceExecutor.
  int images_at_once() const { return executor_->images_at_once(); }
  void release() { executor_->release(); }

 private:
  void fold_normalizations();
  InferencePass pass(std::size_t last_layer, Stage stage);

  const Topology& topology_;
  const std::vector<Layer>& layers_;
  Parameters& parameters_;
  LayerOperations& operations_;
  Backend& backend_;
  std::unique_ptr<InferenceExecutor> executor_;
  // Scale and shift of every layer, one layer after the other.
  std::unique_ptr<Buffer> folded_;
  std::vector<std::size_t> folded_offsets_;
  std::uint64_t folded_version_ = 0;  // of the parameters
};

}  // namespace deepyeast
