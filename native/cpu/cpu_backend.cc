// Hands every operation to its file.
#include "cpu_backend.h"

#include <algorithm>
#include <cstring>

#include "../system/available_threads.h"
#include "cpu_context.h"
#include "dense_layer.h"
#include "direct_convolution.h"
#include "inference_executor.h"
#include "instruction_set.h"
#include "memory.h"
#include "operations.h"
#include "winograd.h"

namespace deepyeast {

namespace {

class CpuBuffer : public Buffer {
 public:
  explicit CpuBuffer(std::size_t floats) : memory_(floats) {}
  float* data() override { return memory_.data(); }
  std::size_t size() const override { return memory_.size(); }

 private:
  AlignedMemory memory_;
};

class CpuBackend : public Backend {
 public:
  CpuBackend(InstructionSet instruction_set, int threads) : context_(instruction_set, threads) {}

  std::string name() const override { return "cpu"; }
  std::string description() const override {
    const int count = context_.threads();
    return std::string("cpu (") + context_.kernels().name + ", " + std::to_string(count) +
           (count == 1 ? " thread)" : " threads)");
  }
  int threads() const override { return context_.threads(); }
  bool keeps_activations() const override { return false; }
  std::unique_ptr<InferenceExecutor> inference(const Topology& topology, const std::vector<Layer>& layers) override {
    return make_cpu_inference(topology, layers, context_);
  }

  std::unique_ptr<Buffer> allocate(std::size_t floats) override { return std::make_unique<CpuBuffer>(floats); }
  void upload(const float* host, std::size_t count, float* device) override {
    std::memcpy(device, host, count * sizeof(float));
  }
  void download(const float* device, std::size_t count, float* host) override {
    std::memcpy(host, device, count * sizeof(float));
  }
  void fill(float* device, std::size_t count,
            const std::function<void(std::size_t, std::size_t, float*)>& fill) override {
    constexpr std::size_t kPiece = 1 << 17;  // half a megabyte, which is still in the cache when `fill` checks its values
    context_.parallel_for((count + kPiece - 1) / kPiece, [&](std::size_t task, int) {
      const std::size_t first = task * kPiece;
      fill(first, std::min(kPiece, count - first), device + first);
    });
  }

  std::unique_ptr<Convolution> convolution(const ConvolutionShape& shape, bool training) override {
    return winograd_suits(shape) ? make_winograd_convolution(shape, training, context_)
                                 : make_direct_convolution(shape, training, context_);
  }
  std::unique_ptr<Dense> dense(const DenseShape& shape, bool) override { return make_dense(shape, context_); }

  void gather(const GatherArguments& arguments, float* output) override {
    deepyeast::gather(context_, arguments, output);
  }
  void normalization_forward(const NormalizationShape& shape, const NormalizationArguments& arguments,
                             float* output) override {
    deepyeast::normalization_forward(context_, shape, arguments, output);
  }
  void normalization_backward(const NormalizationShape& shape, const NormalizationArguments& arguments,
                              const float* output_gradient, float* input_gradient, float* gamma_gradient,
                              float* beta_gradient) override {
    deepyeast::normalization_backward(context_, shape, arguments, output_gradient, input_gradient, gamma_gradient,
                                      beta_gradient);
  }
  void softmax(int batch, int classes, const float* logits, float* posterior) override {
    deepyeast::softmax(batch, classes, logits, posterior);
  }
  void softmax_cross_entropy(int batch, int classes, const float* logits, const std::int32_t* labels, const float* targets,
                             double* losses, std::int32_t* predicted, float* logits_gradient) override {
    deepyeast::softmax_cross_entropy(batch, classes, logits, labels, targets, losses, predicted, logits_gradient);
  }
  void update(const UpdateArguments& arguments) override { deepyeast::update(context_, arguments); }
  void average(std::size_t count, float share, const float* values, float* average) override {
    deepyeast::average(context_, count, share, values, average);
  }

 private:
  CpuContext context_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(int threads) {
  return std::make_unique<CpuBackend>(choose_instruction_set(), threads > 0 ? threads : available_threads());
}

}  // namespace deepyeast
