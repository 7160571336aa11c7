// A network's parameters, and the operations on its backend that training (network_training.cc) and inference
// (network_inference.cc) share.
#include "network.h"

#include <algorithm>
#include <cmath>

#include "../system/error.h"
#include "memory_plan.h"
#include "network_plans.h"

namespace deepyeast {
namespace {

const std::string kVelocityPrefix = "velocity/";
const std::string kMeanImage = "mean_image";

}  // namespace

std::vector<std::size_t> activation_shape(const std::vector<Layer>& layers, const std::string& name,
                                          Stage stage) {
  for (const Layer& layer : layers) {
    if (layer.name != name) continue;
    if (stage == Stage::pooled && !layer.pool)
      throw Error("invalid-argument", "no pooling follows " + name + ", so it has no stage pooled; expected linear, normalized or activated");
    const std::size_t channels = static_cast<std::size_t>(layer.output_channels);
    if (layer.kind == LayerKind::dense) return {channels};
    const std::size_t divisor = stage == Stage::pooled ? 2 : 1;
    return {static_cast<std::size_t>(layer.height) / divisor, static_cast<std::size_t>(layer.width) / divisor,
            channels};
  }
  std::string names;
  for (const Layer& layer : layers) names += (names.empty() ? "" : ", ") + layer.name;
  throw Error("invalid-argument", "the network has no layer " + name + "; its layers are " + names);
}

Network::Network(Topology topology, std::uint64_t seed, std::unique_ptr<Backend> backend, bool draw_weights)
    : topology_(std::move(topology)), seed_(seed), backend_(std::move(backend)) {
  topology_.validate();
  inference_batches_ = backend_->inference_batches();
  layers_ = layers_of(topology_);
  layout_ = parameters_of(layers_);
  parameters_ = backend_->allocate(layout_.trainable_size);
  statistics_ = backend_->allocate(layout_.statistics_size);
  mean_ = backend_->allocate(image_values(topology_));

  for (std::size_t i = 0; i < layout_.specifications.size(); ++i) {
    const ParameterSpecification& specification = layout_.specifications[i];
    specification_by_name_[specification.name] = i;
    if (!draw_weights) continue;  // buffers come filled with zeros
    std::vector<float> values;
    switch (specification.kind) {
      case ParameterKind::weight: {
        // Glorot-normal, untruncated: variance 2 / (fan_in + fan_out), drawn in double on the host.
        const Layer& layer = layers_[static_cast<std::size_t>(specification.layer)];
        const double taps = layer.kind == LayerKind::convolution ? 9.0 : 1.0;
        const double deviation = std::sqrt(2.0 / (taps * (layer.input_channels + layer.output_channels)));
        const RandomStream stream(seed_, Purpose::weights, 0, static_cast<std::uint32_t>(specification.layer));
        std::vector<double> normals(specification.count);
        stream.normals(0, normals.size(), normals.data());
        values.resize(specification.count);
        for (std::size_t j = 0; j < values.size(); ++j) values[j] = static_cast<float>(deviation * normals[j]);
        break;
      }
      case ParameterKind::gamma:
      case ParameterKind::running_variance:
        values.assign(specification.count, 1.0f);
        break;
      case ParameterKind::bias:
      case ParameterKind::beta:
      case ParameterKind::running_mean:
        continue;  // zeros already
    }
    set_tensor(specification.name, values.data(), values.size());
  }
}

Network::~Network() = default;

float* Network::parameter(const std::string& name) {
  std::size_t count = 0;
  return find_tensor(name, &count);
}

float* Network::find_tensor(const std::string& name, std::size_t* count) {
  if (name == kMeanImage) {
    *count = image_values(topology_);
    return mean_->data();
  }
  const bool velocity = name.compare(0, kVelocityPrefix.size(), kVelocityPrefix) == 0;
  const auto found = specification_by_name_.find(velocity ? name.substr(kVelocityPrefix.size()) : name);
  if (found == specification_by_name_.end()) {
    throw Error("invalid-argument", "the network has no tensor " + name);
  }
  const ParameterSpecification& specification = layout_.specifications[found->second];
  *count = specification.count;
  if (!velocity) {
    return (specification.trainable() ? parameters_ : statistics_)->data() + specification.offset;
  }
  if (!specification.trainable()) {
    throw Error("invalid-argument", specification.name + " is a running statistic; it has no velocity");
  }
  if (!velocity_) velocity_ = backend_->allocate(layout_.trainable_size);
  return velocity_->data() + specification.offset;
}

std::vector<float> Network::tensor(const std::string& name) {
  std::size_t count = 0;
  const float* source = find_tensor(name, &count);
  std::vector<float> values(count);
  backend_->download(source, count, values.data());
  return values;
}

void Network::set_tensor(const std::string& name, const float* values, std::size_t count) {
  std::size_t expected = 0;
  float* target = find_tensor(name, &expected);
  if (count != expected) {
    throw Error("invalid-argument",
                name + " has " + std::to_string(count) + " values; expected " + std::to_string(expected));
  }
  backend_->upload(values, count, target);
  weights_changed_ = epilogues_changed_ = true;
}

void Network::fill_tensor(const std::string& name, const TensorReader& read) {
  std::size_t count = 0;
  float* target = find_tensor(name, &count);
  weights_changed_ = epilogues_changed_ = true;
  backend_->fill(target, count, read);
}

void Network::set_input_transform(const float* mean, float scale) {
  backend_->upload(mean, image_values(topology_), mean_->data());
  scale_ = scale;
  if (training_) training_->recording.reset();  // which holds the scale
}

void Network::require_operations(int convolution_batch, int dense_batch, bool training) {
  if (operations_ && operations_->convolution_batch >= convolution_batch && operations_->dense_batch >= dense_batch &&
      (operations_->training || !training))
    return;
  auto operations = std::make_unique<Operations>();
  operations->convolution_batch = std::max(convolution_batch, operations_ ? operations_->convolution_batch : 0);
  operations->dense_batch = std::max(dense_batch, operations_ ? operations_->dense_batch : 0);
  operations->training = training || (operations_ && operations_->training);
  // What was recorded refers to the operations of before. They go first, so that two sets never stand in memory together.
  if (training_) training_->recording.reset();
  if (inference_) inference_->recordings.clear();
  operations_.reset();
  for (const Layer& layer : layers_) {
    Operations::Operation operation;
    if (layer.kind == LayerKind::convolution) {
      operation.convolution =
          backend_->convolution({operations->convolution_batch, layer.height, layer.width, layer.input_channels,
                                 layer.output_channels},
                                operations->training);
    } else {
      operation.dense = backend_->dense(
          {operations->dense_batch, layer.input_channels, layer.output_channels, !layer.normalized},
          operations->training);
    }
    operations->layers.push_back(std::move(operation));
  }
  operations_ = std::move(operations);
  weights_changed_ = true;
}

void Network::prepare_weights() {
  if (!weights_changed_) return;
  set_weights();
  weights_changed_ = false;
}

void Network::set_weights() {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const float* weights = parameter(layers_[i].name + ".weight");
    auto& operation = operations_->layers[i];
    if (operation.convolution) {
      operation.convolution->set_weights(weights);
    } else {
      operation.dense->set_weights(weights);
    }
  }
}

// In a handler: where memory was exhausted, what was allocated goes and the batch that would have fitted is named.
void Network::rethrow_with_advice(int batch) {
  try {
    throw;
  } catch (const Error& error) {
    if (error.code() != "out-of-memory") throw;
    training_.reset();
    inference_.reset();
    operations_.reset();
    throw Error(error.code(), error.what() + advice_on_memory(layers_, topology_, layout_, *backend_, batch));
  }
}

// Whether the call may be tried again with half the images at once. What was made for more is given back.
bool Network::reduce_batches(const Error& error) {
  if (error.code() != "out-of-memory" || !inference_batches_.as_needed || inference_batches_.convolutions < 2)
    return false;
  backend_->finish();
  inference_.reset();
  if (training_) training_->recording.reset();
  operations_.reset();
  weights_changed_ = true;
  inference_batches_.convolutions /= 2;
  inference_batches_.dense = inference_batches_.convolutions;
  return true;
}
}  // namespace deepyeast
