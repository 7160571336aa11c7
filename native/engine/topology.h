// What a network is: its blocks of convolutions, its dense layers and the names of its parameters.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace deepyeast {

// The general network of the design: square images, blocks of 3x3 convolutions (stride 1, padding 1), each block ended
// by a 2x2 max pool, then dense layers. Every layer but the last is followed by batch normalization and ReLU.
struct Topology {
  int image_size = 64;
  int channels = 2;
  std::vector<std::vector<int>> blocks = {{64, 64}, {128, 128}, {256, 256, 256, 256}};
  std::vector<int> dense = {512, 512};
  int classes = 12;
  float dropout = 0.5f;                  // after every dense layer but the last
  float normalization_epsilon = 1e-5f;
  float normalization_momentum = 0.1f;   // running = (1 - momentum) * running + momentum * batch

  // Throws Error("invalid-topology") naming the first field that is out of range.
  void validate() const;
};

enum class LayerKind { convolution, dense };

// One layer with weights. Sizes are those of the layer's input; a convolution's output has the same height and width
// before its pool.
struct Layer {
  std::string name;        // conv1_1 ... conv3_4, fc1 ... fcN
  LayerKind kind;
  int height, width;       // 1, 1 for dense layers
  int input_channels;      // a dense layer's number of inputs (height, width, channel order)
  int output_channels;     // a dense layer's number of units
  bool pool;               // a 2x2 max pool follows
  bool normalized;         // batch normalization and ReLU follow; false for the last layer, which has a bias
  bool dropout;            // dropout follows
};

std::vector<Layer> layers_of(const Topology& topology);

// Which value of a layer (definitions: "A layer's output"): the convolution's or dense layer's own output, after
// normalization, after ReLU, or after the pool.
enum class Stage { linear, normalized, activated, pooled };

// Values of one image: of the network's input, of a layer's linear output, and of what the next layer reads.
std::size_t image_values(const Topology& topology);
std::size_t linear_values(const Layer& layer);
std::size_t output_values(const Layer& layer);

// The index of the layer with this name. Throws Error("invalid-argument") naming the layers there are.
std::size_t index_of(const std::vector<Layer>& layers, const std::string& name);

// Shape of one image's output of a layer: [height, width, channels], or [units] for a dense layer.
// Throws Error("invalid-argument") for a name that no layer has, and for the pool of a layer that has none.
std::vector<std::size_t> activation_shape(const std::vector<Layer>& layers, const std::string& layer, Stage stage);

enum class ParameterKind {
  weight,            // convolution [output, 3, 3, input], dense [output, input]
  bias,              // last layer only
  gamma, beta,       // batch normalization
  running_mean, running_variance,
};

// A named tensor of the network. Trainable tensors stand one after the other in one flat buffer, statistics in another,
// each tensor at a multiple of 16 floats.
struct ParameterSpecification {
  std::string name;               // e.g. conv1_1.weight, conv1_1.running_mean, fc3.bias
  ParameterKind kind;
  int layer;                      // index into layers_of()
  std::vector<std::size_t> shape;
  std::size_t count;              // product of shape
  std::size_t offset;             // in floats, within its buffer
  bool trainable() const { return kind != ParameterKind::running_mean && kind != ParameterKind::running_variance; }
};

struct ParameterLayout {
  std::vector<ParameterSpecification> specifications;
  std::size_t trainable_size = 0;   // floats in the flat buffer of trainable tensors, padding included
  std::size_t statistics_size = 0;  // floats in the flat buffer of running statistics, padding included
};

ParameterLayout parameters_of(const std::vector<Layer>& layers);

}  // namespace deepyeast
