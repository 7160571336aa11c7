#include "inference.h"

#include <algorithm>
#include <cmath>

#include "../system/error.h"

namespace deepyeast {
namespace {

// Floats from a layer's folded scale to its shift: both begin at a multiple of 16.
std::size_t folded_stride(const Layer& layer) {
  return (static_cast<std::size_t>(layer.output_channels) + 15) / 16 * 16;
}

}  // namespace

Inference::Inference(const Topology& topology, const std::vector<Layer>& layers, Parameters& parameters,
                     LayerOperations& operations, Backend& backend)
    : topology_(topology), layers_(layers), parameters_(parameters), operations_(operations), backend_(backend),
      executor_(backend.inference(topology, layers)) {}

// In inference, bias and running statistics become a scale and a shift per channel of the linear output.
void Inference::fold_normalizations() {
  if (folded_version_ == parameters_.version()) return;
  if (!folded_) {
    std::size_t size = 0;
    for (const Layer& layer : layers_) {
      folded_offsets_.push_back(size);
      size += 2 * folded_stride(layer);
    }
    folded_ = backend_.allocate(size);
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const std::size_t channels = static_cast<std::size_t>(layer.output_channels);
    std::vector<float> folded(channels + folded_stride(layer));
    float* const shift = folded.data() + folded_stride(layer);
    if (layer.normalized) {
      const auto gamma = parameters_.tensor(layer.name + ".gamma"), beta = parameters_.tensor(layer.name + ".beta");
      const auto mean = parameters_.tensor(layer.name + ".running_mean");
      const auto variance = parameters_.tensor(layer.name + ".running_variance");
      for (std::size_t c = 0; c < channels; ++c) {
        const double scale = gamma[c] / std::sqrt(static_cast<double>(variance[c]) + topology_.normalization_epsilon);
        folded[c] = static_cast<float>(scale);
        shift[c] = static_cast<float>(beta[c] - mean[c] * scale);
      }
    } else {
      const auto bias = parameters_.tensor(layer.name + ".bias");
      std::fill_n(folded.begin(), channels, 1.0f);
      std::copy(bias.begin(), bias.end(), shift);
    }
    backend_.upload(folded.data(), folded.size(), folded_->data() + folded_offsets_[i]);
  }
  folded_version_ = parameters_.version();
}

InferencePass Inference::pass(std::size_t last_layer, Stage stage) {
  InferencePass pass{parameters_.mean(), parameters_.scale(), {}, stage};
  for (std::size_t i = 0; i <= last_layer; ++i) {
    const Layer& layer = layers_[i];
    const float* scale = folded_->data() + folded_offsets_[i];
    InferenceEpilogue epilogue{scale, scale + folded_stride(layer), layer.normalized, layer.pool};
    if (i == last_layer) {
      if (stage == Stage::linear && layer.normalized) epilogue.scale = epilogue.shift = nullptr;
      epilogue.relu = layer.normalized && (stage == Stage::activated || stage == Stage::pooled);
      epilogue.pool = layer.pool && stage == Stage::pooled;
    }
    pass.layers.push_back({operations_[i].convolution.get(), operations_[i].dense.get(), epilogue});
  }
  return pass;
}

void Inference::run(std::size_t last_layer, Stage stage, const InferenceImages& images,
                    const InferenceResults& results) {
  if (images.count == 0) return;
  for (;;) {
    try {
      operations_.require(executor_->batches(images.count), false);
      operations_.prepare_weights();
      fold_normalizations();
      executor_->execute(pass(last_layer, stage), images, results);
      return;
    } catch (const Error& error) {
      if (error.code() != "out-of-memory" || !executor_->halve()) throw;
    }
    operations_.release();  // they were made for more images
  }
}

}  // namespace deepyeast
