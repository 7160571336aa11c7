// A dense layer on the device: three matrix products by cuBLASLt.
#pragma once

#include <cublasLt.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "context.h"

namespace deepyeast::cuda {

class DenseLayer {
 public:
  // The context must outlive it.
  DenseLayer(Context& context, const DenseShape& shape, bool training);

  Context& context() { return context_; }
  void set_weights(const float* weights);
  void forward(int batch, const float* input, const float* bias, float* output, const BatchStatistics* statistics);
  void infer(int batch, const float* input, const InferenceEpilogue& epilogue, float* output);
  void backward_data(int batch, const float* output_gradient, float* input_gradient);
  void backward_weights(int batch, const float* input, const float* output_gradient, float* weight_gradient,
                        float* bias_gradient);

 private:
  enum class Product { forward, data_gradient, weight_gradient };
  struct Multiplication;  // descriptors and algorithm of one product for one batch

  void choose_algorithm(const std::string& name, Multiplication& product);
  void multiply(Product product, int batch, const void* a, const void* b, void* result);
  const void* weights() const;

  Context& context_;
  const DenseShape shape_;
  const float* master_ = nullptr;  // float32, the caller's
  DeviceMemory converted_;         // bfloat16
  std::map<std::pair<Product, int>, std::shared_ptr<Multiplication>> multiplications_;
};

}  // namespace deepyeast::cuda
