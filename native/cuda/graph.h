// A cuDNN operation graph with one convolution (and, in inference, scale, shift and ReLU behind it), its engines, and an
// execution plan for one of them. What the attributes mean: the comments of cudnn_graph.h, descriptor by descriptor.
#pragma once

#include <cudnn.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../engine/shapes.h"
#include "abi.h"

namespace deepyeast::cuda {

class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = nullptr; }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  cudnnBackendDescriptor_t get() const { return descriptor_; }

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, const void* values);
  void set(cudnnBackendAttributeName_t name, std::int64_t value) { set(name, CUDNN_TYPE_INT64, 1, &value); }
  void set(cudnnBackendAttributeName_t name, const Descriptor& value);
  void set(cudnnBackendAttributeName_t name, cudnnDataType_t value) { set(name, CUDNN_TYPE_DATA_TYPE, 1, &value); }
  void finalize();
  // How many there are; at most `capacity` values are written.
  std::int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t capacity,
                   void* values) const;

 private:
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

// What a graph is made for: the device of a handle, or, without one, a device that is only described, by a descriptor of type
// CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR (cuDNN 9.8 and later). Engines for the latter can be found and prepared, not run.
struct GraphTarget {
  cudnnHandle_t handle = nullptr;
  const Descriptor* device = nullptr;
};

enum class GraphKind {
  forward,           // y = convolution(x, w)
  forward_epilogue,  // y = relu(convolution(x, w) * scale + shift)
  backward_data,     // x = transposed convolution(y, w), x and y being gradients
  backward_weights,  // w = gradient from x and the gradient y
};
const char* name_of(GraphKind kind);

// Pointers of a graph by role. Unused ones stay null.
struct GraphPointers {
  const void* x = nullptr;
  const void* w = nullptr;
  const void* y = nullptr;
  const float* scale = nullptr;
  const float* shift = nullptr;
};

// One way to compute a graph.
class Engine {
 public:
  // Not ready: the plan has yet to be made.
  Engine(std::shared_ptr<const void> graph, Descriptor configuration, std::string name)
      : graph_(std::move(graph)), configuration_(std::move(configuration)), name_(std::move(name)) {}

  // The engine's number and the values of its knobs: the same for the same version of cuDNN and device.
  const std::string& name() const { return name_; }
  // Throws where the engine turns out not to be able to. Idempotent.
  void prepare(const GraphTarget& target);
  std::size_t workspace_bytes() const { return static_cast<std::size_t>(workspace_bytes_); }
  void execute(cudnnHandle_t handle, const GraphPointers& pointers, GraphKind kind, void* workspace) const;

 private:
  std::shared_ptr<const void> graph_;  // which the configuration refers to
  Descriptor configuration_;
  std::string name_;
  std::unique_ptr<Descriptor> plan_;
  std::int64_t workspace_bytes_ = 0;
};

// Engines for the graph, the most promising first: at most `most` by cuDNN's heuristics, then at most two or, where there
// are fewer, as many as make that up, of those it falls back to. Those that are not deterministic are left out, and for
// cuda_float32 those that round inputs to TF32.
// weight_type: of the weight gradient. Throws where cuDNN cannot express the graph.
std::vector<Engine> find_engines(const GraphTarget& target, GraphKind kind, const ConvolutionShape& shape,
                                 CudaPrecision precision, cudnnDataType_t weight_type, std::size_t most);

}  // namespace deepyeast::cuda
