#include "layer_operations.h"

#include <algorithm>

namespace deepyeast {

LayerOperations::LayerOperations(const std::vector<Layer>& layers, Parameters& parameters, Backend& backend,
                                 std::function<void()> before_release)
    : layers_(layers), parameters_(parameters), backend_(backend), before_release_(std::move(before_release)) {}

bool LayerOperations::serve(OperationBatches batches, bool training) const {
  return batches_.convolutions >= batches.convolutions && batches_.dense >= batches.dense && (training_ || !training);
}

void LayerOperations::release() {
  before_release_();
  operations_.clear();
  batches_ = {0, 0};
  training_ = false;
  weights_version_ = 0;
}

void LayerOperations::require(OperationBatches batches, bool training) {
  if (serve(batches, training)) return;
  batches.convolutions = std::max(batches.convolutions, batches_.convolutions);
  batches.dense = std::max(batches.dense, batches_.dense);
  training = training || training_;
  release();  // first, so that two sets never stand in memory together
  std::vector<Operation> operations;
  for (const Layer& layer : layers_) {
    Operation operation;
    if (layer.kind == LayerKind::convolution) {
      operation.convolution = backend_.convolution(
          {batches.convolutions, layer.height, layer.width, layer.input_channels, layer.output_channels}, training);
    } else {
      operation.dense =
          backend_.dense({batches.dense, layer.input_channels, layer.output_channels, !layer.normalized}, training);
    }
    operations.push_back(std::move(operation));
  }
  operations_ = std::move(operations);
  batches_ = batches;
  training_ = training;
}

void LayerOperations::set_weights() {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const float* weights = parameters_.at(layers_[i].name + ".weight");
    if (operations_[i].convolution) operations_[i].convolution->set_weights(weights);
    else operations_[i].dense->set_weights(weights);
  }
  weights_version_ = parameters_.version();
}

void LayerOperations::prepare_weights() {
  if (!weights_are_set()) set_weights();
}

}  // namespace deepyeast
