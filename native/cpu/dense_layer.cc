// Dense layers: how the three matrix products are cut into tasks. The inner loops are kernels/dense.cc.
#include "dense_layer.h"

#include <algorithm>

#include "partial_statistics.h"
#include "shape_check.h"

namespace deepyeast {

namespace {

using std::ptrdiff_t;

constexpr int kOutputBlock = 32;   // outputs of one task of the forward product, at most
constexpr int kFewCells = 4;       // up to so many, reading the weights takes longer than multiplying by them:
constexpr int kFewOutputs = 8;     // tasks are then of so many outputs, since memory is not equally fast for all threads
constexpr int kInputBlock = 128;   // inputs of one task of the gradients
constexpr int kChannelBlock = 64;  // outputs of one task of the statistics

std::size_t blocks_of(int count, int block) { return static_cast<std::size_t>((count + block - 1) / block); }

class DenseLayer : public Dense {
 public:
  DenseLayer(const DenseShape& shape, CpuContext& context) : shape_(shape), context_(context) {
    check_shape(shape.batch > 0 && shape.inputs > 0 && shape.outputs > 0,
                "a dense layer needs a positive batch and numbers of inputs and outputs");
    context_.reserve_workspace(
        0, std::max({forward_scratch(), product_scratch(shape.outputs), product_scratch(shape.batch)}));
    statistics_.reserve(1, shape.outputs);
  }

  void set_weights(const float* weights) override { weights_ = weights; }

  void forward(int batch, const float* input, const float* bias, float* output, BatchStatistics* statistics) override {
    InferenceEpilogue epilogue{nullptr, bias, false, false};
    product(batch, input, bias != nullptr ? &epilogue : nullptr, output);
    if (statistics == nullptr) return;
    context_.parallel_for(blocks_of(shape_.outputs, kChannelBlock), [&](std::size_t task, int) {
      const int first = static_cast<int>(task) * kChannelBlock;
      context_.kernels().statistics->block(output + first, batch, shape_.outputs,
                                           std::min(kChannelBlock, shape_.outputs - first), statistics_.mean(0) + first,
                                           statistics_.deviations(0) + first);
    });
    statistics_.set_count(0, static_cast<std::size_t>(batch));
    statistics_.combine(1, statistics);
  }

  void infer(int batch, const float* input, const InferenceEpilogue& epilogue, float* output) override {
    check_shape(!epilogue.pool, "a dense layer cannot be followed by a pool");
    product(batch, input, &epilogue, output);
  }

  void backward_data(int batch, const float* output_gradient, float* input_gradient) override {
    check_batch(batch);
    multiply(output_gradient, shape_.outputs, 1, weights_, batch, shape_.outputs, input_gradient);
  }

  void backward_weights(int batch, const float* input, const float* output_gradient, float* weight_gradient,
                        float* bias_gradient) override {
    check_batch(batch);
    multiply(output_gradient, 1, shape_.outputs, input, shape_.outputs, batch, weight_gradient);
    if (bias_gradient == nullptr) return;
    for (int k = 0; k < shape_.outputs; ++k) {
      double sum = 0;
      for (int cell = 0; cell < batch; ++cell) sum += output_gradient[static_cast<ptrdiff_t>(cell) * shape_.outputs + k];
      bias_gradient[k] = static_cast<float>(sum);
    }
  }

 private:
  void check_batch(int batch) const {
    check_shape(batch <= shape_.batch, "a dense layer was given more cells than the batch it was made for");
  }

  std::size_t forward_scratch() const {
    return static_cast<std::size_t>(shape_.batch) * kOutputBlock * context_.kernels().width;
  }
  std::size_t product_scratch(int count) const { return static_cast<std::size_t>(count) * 2 * context_.kernels().width; }

  // output [batch, outputs] = input weights^T, then the epilogue; null for none.
  void product(int batch, const float* input, const InferenceEpilogue* epilogue, float* output) {
    check_batch(batch);
    const int block = batch <= kFewCells ? kFewOutputs : kOutputBlock;
    context_.parallel_for(blocks_of(shape_.outputs, block), [&](std::size_t task, int slot) {
      const int first = static_cast<int>(task) * block, count = std::min(block, shape_.outputs - first);
      context_.kernels().dense->dot(input, shape_.inputs, weights_ + static_cast<ptrdiff_t>(first) * shape_.inputs,
                                    shape_.inputs, batch, count, shape_.inputs, context_.own_workspace(slot),
                                    output + first, shape_.outputs);
      if (epilogue == nullptr) return;
      for (int cell = 0; cell < batch; ++cell) {
        float* row = output + static_cast<ptrdiff_t>(cell) * shape_.outputs + first;
        context_.kernels().inference->affine(row, 1, count, epilogue->scale ? epilogue->scale + first : nullptr,
                                             epilogue->shift ? epilogue->shift + first : nullptr, epilogue->relu, row);
      }
    });
  }

  // output[m][i] = sum over k of a[m * a_row + k * a_step] * b[k][i], i over the layer's inputs.
  void multiply(const float* a, ptrdiff_t a_row, ptrdiff_t a_step, const float* b, int rows, int count, float* output) {
    context_.parallel_for(blocks_of(shape_.inputs, kInputBlock), [&](std::size_t task, int slot) {
      const int first = static_cast<int>(task) * kInputBlock;
      context_.kernels().dense->multiply(a, a_row, a_step, b + first, shape_.inputs, rows, count,
                                         std::min(kInputBlock, shape_.inputs - first),
                                         context_.own_workspace(slot), output + first, shape_.inputs);
    });
  }

  const DenseShape shape_;
  CpuContext& context_;
  const float* weights_ = nullptr;
  PartialStatistics statistics_;
};

}  // namespace

std::unique_ptr<Dense> make_dense(const DenseShape& shape, CpuContext& context) {
  return std::make_unique<DenseLayer>(shape, context);
}

}  // namespace deepyeast
