// A 3x3 convolution on the device: by cuDNN, or directly for the first layer's few channels and where cuDNN has no engine.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "graph.h"

namespace deepyeast::cuda {

class ConvolutionLayer {
 public:
  // The context must outlive it.
  ConvolutionLayer(Context& context, const ConvolutionShape& shape, bool training);

  Context& context() { return context_; }
  void set_weights(const float* weights);
  void forward(int batch, const float* input, float* output, const BatchStatistics* statistics);
  void infer(int batch, const float* input, const InferenceEpilogue& epilogue, float* output);
  void backward_data(int batch, const float* output_gradient, float* input_gradient);
  void backward_weights(int batch, const float* input, const float* output_gradient, float* weight_gradient);

 private:
  // One way to compute an operation: an engine of cuDNN, with a weight gradient in bfloat16 converted afterwards, or the
  // direct kernels.
  struct Candidate {
    std::string name;                // in plans
    std::shared_ptr<Engine> engine;  // null: direct
    GraphKind kind = GraphKind::forward;
    bool converted = false;
  };
  // Gives scratch memory of at least so many bytes.
  using Workspace = std::function<void*(std::size_t bytes)>;

  ConvolutionShape shape_of(int batch) const;
  const void* weights() const;
  void run(GraphKind operation, int batch, const GraphPointers& pointers);
  const Candidate& chosen(GraphKind operation, int batch, const GraphPointers& pointers);
  std::vector<Candidate> candidates(GraphKind operation, int batch, std::size_t most);
  bool take_planned(GraphKind operation, int batch, Candidate* planned);
  Candidate fastest(GraphKind operation, int batch, const GraphPointers& pointers);
  std::size_t workspace_bytes(const Candidate& candidate) const;
  void execute(const Candidate& candidate, GraphKind operation, int batch, const GraphPointers& pointers,
               const Workspace& workspace);
  void execute_directly(GraphKind operation, int batch, const GraphPointers& pointers);
  void timed(GraphKind operation, int batch, const std::function<void()>& body);
  std::string key(GraphKind operation, int batch) const;

  Context& context_;
  const ConvolutionShape shape_;
  const bool direct_;              // all of it: few input channels
  const float* master_ = nullptr;  // float32, the caller's
  DeviceMemory converted_;         // bfloat16
  DeviceMemory direct_forward_, direct_backward_;
  DeviceMemory pooled_;            // a layer before its pool, in inference
  std::map<std::pair<GraphKind, int>, Candidate> chosen_;
};

}  // namespace deepyeast::cuda
