#include "topology.h"

#include "../system/error.h"

namespace deepyeast {
namespace {

// Bounds that keep every size computation far from overflow, and refuse a mistaken topology before memory is allocated.
constexpr int kMaximumImageSize = 1024;
constexpr int kMaximumChannels = 8;
constexpr int kMaximumBlocks = 8;
constexpr int kMaximumLayersPerBlock = 16;
constexpr int kMaximumWidth = 4096;
constexpr int kMaximumDense = 8;
constexpr int kMaximumClasses = 4096;
constexpr std::size_t kMaximumParameters = std::size_t{1} << 29;
constexpr std::size_t kAlignment = 16;  // floats: one cache line

void require(bool condition, const std::string& message) {
  if (!condition) throw Error("invalid-topology", message);
}

void require_range(int value, int low, int high, const std::string& field) {
  require(value >= low && value <= high, field + " is " + std::to_string(value) + "; expected " + std::to_string(low) +
                                             " to " + std::to_string(high));
}

std::size_t aligned(std::size_t count) { return (count + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

void Topology::validate() const {
  require_range(image_size, 1, kMaximumImageSize, "image size");
  require_range(channels, 1, kMaximumChannels, "channels");
  require_range(static_cast<int>(blocks.size()), 1, kMaximumBlocks, "number of blocks");
  for (const auto& block : blocks) {
    require_range(static_cast<int>(block.size()), 1, kMaximumLayersPerBlock, "number of convolutions in a block");
    for (const int width : block) require_range(width, 1, kMaximumWidth, "channels of a convolution");
  }
  require_range(static_cast<int>(dense.size()), 0, kMaximumDense, "number of hidden dense layers");
  for (const int width : dense) require_range(width, 1, kMaximumWidth, "units of a dense layer");
  require_range(classes, 1, kMaximumClasses, "classes");
  const int divisor = 1 << blocks.size();
  require(image_size % divisor == 0, "image size is " + std::to_string(image_size) + "; expected a multiple of " +
                                         std::to_string(divisor) + " for " + std::to_string(blocks.size()) +
                                         " blocks, each of which halves it");
  require(dropout >= 0.0f && dropout < 1.0f, "dropout is " + std::to_string(dropout) + "; expected 0 to less than 1");
  require(normalization_epsilon > 0.0f && normalization_epsilon < 1.0f,
          "normalization epsilon is " + std::to_string(normalization_epsilon) + "; expected more than 0, less than 1");
  require(normalization_momentum > 0.0f && normalization_momentum <= 1.0f,
          "normalization momentum is " + std::to_string(normalization_momentum) + "; expected more than 0, at most 1");
  const ParameterLayout layout = parameters_of(layers_of(*this));
  require(layout.trainable_size <= kMaximumParameters,
          "the network has " + std::to_string(layout.trainable_size) + " parameters; expected at most " +
              std::to_string(kMaximumParameters));
}

std::vector<Layer> layers_of(const Topology& topology) {
  std::vector<Layer> layers;
  int size = topology.image_size;
  int channels = topology.channels;
  for (std::size_t block = 0; block < topology.blocks.size(); ++block) {
    const auto& widths = topology.blocks[block];
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const bool last = i + 1 == widths.size();
      layers.push_back({"conv" + std::to_string(block + 1) + "_" + std::to_string(i + 1), LayerKind::convolution, size,
                        size, channels, widths[i], last, true, false});
      channels = widths[i];
    }
    size /= 2;
  }
  int inputs = size * size * channels;
  for (std::size_t i = 0; i <= topology.dense.size(); ++i) {
    const bool last = i == topology.dense.size();
    const int units = last ? topology.classes : topology.dense[i];
    layers.push_back({"fc" + std::to_string(i + 1), LayerKind::dense, 1, 1, inputs, units, false, !last,
                      !last && topology.dropout > 0.0f});
    inputs = units;
  }
  return layers;
}

std::size_t image_values(const Topology& topology) {
  return static_cast<std::size_t>(topology.image_size) * topology.image_size * topology.channels;
}

std::size_t linear_values(const Layer& layer) {
  return static_cast<std::size_t>(layer.height) * layer.width * layer.output_channels;
}

std::size_t output_values(const Layer& layer) { return layer.pool ? linear_values(layer) / 4 : linear_values(layer); }

std::size_t index_of(const std::vector<Layer>& layers, const std::string& name) {
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (layers[i].name == name) return i;
  std::string names;
  for (const Layer& layer : layers) names += (names.empty() ? "" : ", ") + layer.name;
  throw Error("invalid-argument", "the network has no layer " + name + "; its layers are " + names);
}

std::vector<std::size_t> activation_shape(const std::vector<Layer>& layers, const std::string& name, Stage stage) {
  const Layer& layer = layers[index_of(layers, name)];
  if (stage == Stage::pooled && !layer.pool) {
    throw Error("invalid-argument", "no pooling follows " + name +
                                        ", so it has no stage pooled; expected linear, normalized or activated");
  }
  const std::size_t channels = static_cast<std::size_t>(layer.output_channels);
  if (layer.kind == LayerKind::dense) return {channels};
  const std::size_t divisor = stage == Stage::pooled ? 2 : 1;
  return {static_cast<std::size_t>(layer.height) / divisor, static_cast<std::size_t>(layer.width) / divisor, channels};
}

ParameterLayout parameters_of(const std::vector<Layer>& layers) {
  ParameterLayout layout;
  const auto add = [&layout](const std::string& name, ParameterKind kind, int layer, std::vector<std::size_t> shape) {
    ParameterSpecification specification{name, kind, layer, std::move(shape), 1, 0};
    for (const std::size_t extent : specification.shape) specification.count *= extent;
    std::size_t& size = specification.trainable() ? layout.trainable_size : layout.statistics_size;
    specification.offset = size;
    size += aligned(specification.count);
    layout.specifications.push_back(std::move(specification));
  };
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    const int index = static_cast<int>(i);
    const std::size_t inputs = layer.input_channels, outputs = layer.output_channels;
    if (layer.kind == LayerKind::convolution) {
      add(layer.name + ".weight", ParameterKind::weight, index, {outputs, 3, 3, inputs});
    } else {
      add(layer.name + ".weight", ParameterKind::weight, index, {outputs, inputs});
    }
    if (layer.normalized) {
      add(layer.name + ".gamma", ParameterKind::gamma, index, {outputs});
      add(layer.name + ".beta", ParameterKind::beta, index, {outputs});
      add(layer.name + ".running_mean", ParameterKind::running_mean, index, {outputs});
      add(layer.name + ".running_variance", ParameterKind::running_variance, index, {outputs});
    } else {
      add(layer.name + ".bias", ParameterKind::bias, index, {outputs});
    }
  }
  return layout;
}

}  // namespace deepyeast
