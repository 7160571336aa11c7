// A 3x3 convolution on the device: by cuDNN, or directly for the first layer's few channels and where cuDNN has no engine.
#pragma once

#include <map>
#include <memory>
#include <optional>
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
  // A candidate for an operation: an engine of cuDNN, or the direct kernels where there is none.
  struct Candidate {
    std::shared_ptr<Engine> engine;  // null: the direct kernels
    GraphKind kind = GraphKind::forward;
    bool converted = false;  // whether the engine's weight gradient is bfloat16 and becomes float32 afterwards
    std::string name;
  };

  ConvolutionShape shape_of(int batch) const;
  void run(GraphKind operation, int batch, const GraphPointers& pointers);

  // The candidate that computes an operation: chosen when the operation first runs, by the plans or by timing.
  const Candidate& chosen(GraphKind operation, int batch, const GraphPointers& pointers);
  // All that cuDNN offers, by name, or at most `most` of each form, the most promising first.
  std::vector<Candidate> find_candidates(GraphKind operation, int batch, std::size_t most);
  std::optional<Candidate> planned(GraphKind operation, int batch, const std::string& name);
  std::optional<Candidate> autotuned(GraphKind operation, int batch, const GraphPointers& pointers);

  // Bytes of scratch memory that execute() needs.
  std::size_t workspace_bytes(const Candidate& candidate) const;
  void execute(const Candidate& candidate, GraphKind operation, int batch, const GraphPointers& pointers, void* workspace);
  void execute_direct(GraphKind operation, int batch, const GraphPointers& pointers);
  void make_direct_weights();

  void timed(GraphKind operation, int batch, const std::function<void()>& body);
  std::string key(GraphKind operation, int batch) const;
  const void* weights() const { return converted_.data() != nullptr ? converted_.data() : static_cast<const void*>(master_); }

  Context& context_;
  const ConvolutionShape shape_;
  const bool direct_;              // few input channels: all operations use the direct kernels
  const float* master_ = nullptr;  // the weights in float32, which belong to the caller
  DeviceMemory converted_;         // the weights in bfloat16
  DeviceMemory direct_forward_, direct_backward_;
  DeviceMemory pooled_;  // in inference, a layer's output before its pool
  std::map<std::pair<GraphKind, int>, Candidate> chosen_;
};

}  // namespace deepyeast::cuda
