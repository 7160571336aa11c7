#include "parameters.h"

#include <cmath>
#include <utility>

#include "../system/error.h"

namespace deepyeast {
namespace {

const std::string kVelocityPrefix = "velocity/";
const std::string kAveragePrefix = "average/";
const std::string kMeanImage = "mean_image";

// Glorot-normal, untruncated: variance 2 / (fan_in + fan_out), drawn in double on the host.
std::vector<float> drawn_weights(const ParameterSpecification& specification, const Layer& layer, std::uint64_t seed) {
  const double taps = layer.kind == LayerKind::convolution ? 9.0 : 1.0;
  const double deviation = std::sqrt(2.0 / (taps * (layer.input_channels + layer.output_channels)));
  const RandomStream stream(seed, Purpose::weights, 0, static_cast<std::uint32_t>(specification.layer));
  std::vector<double> normals(specification.count);
  stream.normals(0, normals.size(), normals.data());
  std::vector<float> values(specification.count);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(deviation * normals[i]);
  return values;
}

}  // namespace

Parameters::Parameters(const Topology& topology, const std::vector<Layer>& layers, std::uint64_t seed, Backend& backend,
                       bool draw_weights)
    : backend_(backend), image_values_(image_values(topology)), layout_(parameters_of(layers)) {
  for (std::size_t i = 0; i < layout_.specifications.size(); ++i)
    specification_by_name_[layout_.specifications[i].name] = i;
  parameters_ = backend_.allocate(layout_.trainable_size);
  statistics_ = backend_.allocate(layout_.statistics_size);
  mean_ = backend_.allocate(image_values_);
  if (draw_weights) draw(seed, layers);
}

void Parameters::draw(std::uint64_t seed, const std::vector<Layer>& layers) {
  for (const ParameterSpecification& specification : layout_.specifications) {
    std::vector<float> values;
    switch (specification.kind) {
      case ParameterKind::weight:
        values = drawn_weights(specification, layers[static_cast<std::size_t>(specification.layer)], seed);
        break;
      case ParameterKind::gamma:
      case ParameterKind::running_variance:
        values.assign(specification.count, 1.0f);
        break;
      case ParameterKind::bias:
      case ParameterKind::beta:
      case ParameterKind::running_mean:
        continue;  // buffers come filled with zeros
    }
    set_tensor(specification.name, values.data(), values.size());
  }
}

float* Parameters::find(const std::string& name, std::size_t* count) {
  if (name == kMeanImage) {
    *count = image_values_;
    return mean_->data();
  }
  const auto begins_with = [&](const std::string& prefix) { return name.compare(0, prefix.size(), prefix) == 0; };
  const bool momentum = begins_with(kVelocityPrefix), averaged = begins_with(kAveragePrefix);
  const std::size_t prefix = momentum ? kVelocityPrefix.size() : averaged ? kAveragePrefix.size() : 0;
  const auto found = specification_by_name_.find(name.substr(prefix));
  if (found == specification_by_name_.end()) {
    throw Error("invalid-argument", "the network has no tensor " + name);
  }
  const ParameterSpecification& tensor = layout_.specifications[found->second];
  *count = tensor.count;
  if (averaged) {
    require_average();
    return (tensor.trainable() ? average_ : average_statistics_)->data() + tensor.offset;
  }
  if (!momentum) return (tensor.trainable() ? parameters_ : statistics_)->data() + tensor.offset;
  if (!tensor.trainable()) {
    throw Error("invalid-argument", tensor.name + " is a running statistic; it has no velocity");
  }
  return velocity() + tensor.offset;
}

float* Parameters::velocity() {
  if (!velocity_) velocity_ = backend_.allocate(layout_.trainable_size);
  return velocity_->data();
}

void Parameters::require_average() {
  if (!average_) average_ = backend_.allocate(layout_.trainable_size);
  if (!average_statistics_) average_statistics_ = backend_.allocate(layout_.statistics_size);
}

void Parameters::average(float share) {
  require_average();
  backend_.average(layout_.trainable_size, share, parameters_->data(), average_->data());
}

void Parameters::swap_average() {
  require_average();
  std::swap(parameters_, average_);
  std::swap(statistics_, average_statistics_);
  mark_changed();
}

float* Parameters::at(const std::string& name) {
  std::size_t count = 0;
  return find(name, &count);
}

std::size_t Parameters::offset(const std::string& name) { return static_cast<std::size_t>(at(name) - trainable()); }

std::vector<float> Parameters::tensor(const std::string& name) {
  std::size_t count = 0;
  const float* source = find(name, &count);
  std::vector<float> values(count);
  backend_.download(source, count, values.data());
  return values;
}

void Parameters::set_tensor(const std::string& name, const float* values, std::size_t count) {
  std::size_t expected = 0;
  float* target = find(name, &expected);
  if (count != expected) {
    throw Error("invalid-argument",
                name + " has " + std::to_string(count) + " values; expected " + std::to_string(expected));
  }
  backend_.upload(values, count, target);
  mark_changed();
}

void Parameters::fill_tensor(const std::string& name, const TensorReader& read) {
  std::size_t count = 0;
  float* target = find(name, &count);
  mark_changed();
  backend_.fill(target, count, read);
}

void Parameters::set_input_transform(const float* mean, float scale) {
  backend_.upload(mean, image_values_, mean_->data());
  scale_ = scale;
}

}  // namespace deepyeast
