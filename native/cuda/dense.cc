#include "dense.h"

#include <algorithm>

#include "operations.h"
#include "product_algorithm.h"

namespace deepyeast::cuda {
namespace {

constexpr std::size_t kWorkspace = std::size_t{32} << 20;  // bytes that an algorithm may use
constexpr std::uint32_t kAlignment = 16;                   // bytes, of every matrix

static_assert(sizeof(AlgorithmWords) == sizeof(cublasLtMatmulAlgo_t), "an algorithm is stored as these words");

cudaDataType_t type_of(bool bfloat16) { return bfloat16 ? CUDA_R_16BF : CUDA_R_32F; }

}  // namespace

// Row-major matrices are column-major ones transposed: C [m, n] = op(A) op(B) below is in cuBLAS's terms.
struct DenseLayer::Multiplication {
  cublasLtMatmulDesc_t description = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
  cublasLtMatmulAlgo_t algorithm{};

  ~Multiplication() {
    if (a != nullptr) cublasLtMatrixLayoutDestroy(a);
    if (b != nullptr) cublasLtMatrixLayoutDestroy(b);
    if (c != nullptr) cublasLtMatrixLayoutDestroy(c);
    if (description != nullptr) cublasLtMatmulDescDestroy(description);
  }
};

DenseLayer::DenseLayer(Context& context, const DenseShape& shape, bool) : context_(context), shape_(shape) {
  if (shape.batch < 1 || shape.inputs < 1 || shape.outputs < 1)
    throw Error("invalid-argument", "a dense layer needs a positive batch and numbers of inputs and outputs");
  if (context.is_bfloat16())
    converted_ = DeviceMemory(static_cast<std::size_t>(shape.inputs) * static_cast<std::size_t>(shape.outputs) * 2,
                              context.stream(), "a dense layer's weights");
}

const void* DenseLayer::weights() const { return converted_.data() != nullptr ? converted_.data() : master_; }

void DenseLayer::set_weights(const float* weights) {
  master_ = weights;
  if (converted_.data() == nullptr) return;
  context_.timed([] { return std::string("weights for dense layers"); }, [&] {
    to_activations(context_, weights, static_cast<std::size_t>(shape_.inputs) * static_cast<std::size_t>(shape_.outputs),
                   converted_.as<float>());
  });
}

// The algorithm of the plans, or the most promising by cuBLASLt's heuristics.
void DenseLayer::choose_algorithm(const std::string& name, Multiplication& product) {
  const auto usable = [&](const AlgorithmWords& words) {
    cublasLtMatmulAlgo_t algorithm;
    std::copy(words.begin(), words.end(), algorithm.data);
    cublasLtMatmulHeuristicResult_t result{};
    return cublasLtMatmulAlgoCheck(context_.cublas(), product.description, product.a, product.b, product.c, product.c,
                                   &algorithm, &result) == CUBLAS_STATUS_SUCCESS &&
           result.workspaceSize <= kWorkspace;
  };
  const auto choose = [&] {
    cublasLtMatmulPreference_t preference = nullptr;
    check(cublasLtMatmulPreferenceCreate(&preference), name);
    const std::size_t most = kWorkspace;
    int found = 0;
    cublasLtMatmulHeuristicResult_t chosen{};
    cublasStatus_t status = cublasLtMatmulPreferenceSetAttribute(
        preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, sizeof most);
    for (const cublasLtMatmulPreferenceAttributes_t alignment :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
      if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatmulPreferenceSetAttribute(preference, alignment, &kAlignment, sizeof kAlignment);
    }
    if (status == CUBLAS_STATUS_SUCCESS)
      status = cublasLtMatmulAlgoGetHeuristic(context_.cublas(), product.description, product.a, product.b, product.c,
                                              product.c, preference, 1, &chosen, &found);
    cublasLtMatmulPreferenceDestroy(preference);
    check(status, name);
    if (found == 0) throw Error("cuda-failure", "cuBLASLt: " + name + ": there is no algorithm for it");
    AlgorithmWords words;
    std::copy_n(chosen.algo.data, words.size(), words.begin());
    return words;
  };
  // The logits' type is another one.
  const std::string operation =
      std::string(precision_name(context_.precision())) + " " + name + (shape_.logits ? ", logits" : "");
  const AlgorithmWords words = planned_algorithm(context_.plan_cache(), operation, usable, choose, [&] {
    context_.note("the algorithm kept for " + operation + " cannot be used any more");
  });
  std::copy(words.begin(), words.end(), product.algorithm.data);
}

void DenseLayer::multiply(Product product, int batch, const void* a, const void* b, void* result) {
  if (batch < 1 || batch > shape_.batch)
    throw Error("invalid-argument", "a dense layer was given " + std::to_string(batch) +
                                        " cells; it was made for at most " + std::to_string(shape_.batch));
  const char* const names[] = {"forward", "data gradient", "weight gradient"};
  const auto name = [&] {
    return std::string("dense ") + names[static_cast<int>(product)] + " " + std::to_string(batch) + "x" +
           std::to_string(shape_.inputs) + " to " + std::to_string(shape_.outputs);
  };
  auto& multiplication = multiplications_[{product, batch}];
  void* workspace = context_.workspace(kWorkspace);
  if (!multiplication) {
    const std::uint64_t inputs = static_cast<std::uint64_t>(shape_.inputs),
                        outputs = static_cast<std::uint64_t>(shape_.outputs), n = static_cast<std::uint64_t>(batch);
    auto made = std::make_shared<Multiplication>();
    const bool bfloat16 = context_.is_bfloat16();
    const cudaDataType_t operand = type_of(bfloat16);
    cudaDataType_t target = operand;
    cublasOperation_t operation_a = CUBLAS_OP_N, operation_b = CUBLAS_OP_N;
    // Rows, columns and leading dimension of the column-major matrices.
    std::uint64_t a_rows = inputs, a_columns = outputs, b_rows = inputs, b_columns = n, c_rows = outputs, c_columns = n;
    switch (product) {
      case Product::forward:  // y^T [outputs, n] = W [outputs, inputs] x^T [inputs, n]
        operation_a = CUBLAS_OP_T;
        if (shape_.logits) target = CUDA_R_32F;
        break;
      case Product::data_gradient:  // dx^T [inputs, n] = W^T [inputs, outputs] dy^T [outputs, n]
        b_rows = outputs;
        c_rows = inputs;
        break;
      case Product::weight_gradient:  // dW^T [inputs, outputs] = x^T [inputs, n] dy [n, outputs]
        a_columns = n;
        b_rows = outputs;
        operation_b = CUBLAS_OP_T;
        c_rows = inputs;
        c_columns = outputs;
        target = CUDA_R_32F;
        break;
    }
    const cublasComputeType_t compute =
        context_.precision() == cuda_tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    check(cublasLtMatmulDescCreate(&made->description, compute, CUDA_R_32F), name());
    check(cublasLtMatmulDescSetAttribute(made->description, CUBLASLT_MATMUL_DESC_TRANSA, &operation_a,
                                         sizeof operation_a), name());
    check(cublasLtMatmulDescSetAttribute(made->description, CUBLASLT_MATMUL_DESC_TRANSB, &operation_b,
                                         sizeof operation_b), name());
    check(cublasLtMatrixLayoutCreate(&made->a, operand, a_rows, a_columns, static_cast<std::int64_t>(a_rows)), name());
    check(cublasLtMatrixLayoutCreate(&made->b, operand, b_rows, b_columns, static_cast<std::int64_t>(b_rows)), name());
    check(cublasLtMatrixLayoutCreate(&made->c, target, c_rows, c_columns, static_cast<std::int64_t>(c_rows)), name());
    choose_algorithm(name(), *made);
    multiplication = std::move(made);
  }
  const float one = 1, zero = 0;
  context_.timed(name, [&] {
    check(cublasLtMatmul(context_.cublas(), multiplication->description, &one, a, multiplication->a, b,
                         multiplication->b, &zero, result, multiplication->c, result, multiplication->c,
                         &multiplication->algorithm, workspace, kWorkspace, context_.stream()), name());
  });
}

void DenseLayer::forward(int batch, const float* input, const float* bias, float* output,
                         const BatchStatistics* statistics) {
  multiply(Product::forward, batch, weights(), input, output);
  if (bias != nullptr)
    inference_epilogue(context_, batch, 1, shape_.outputs, output, {nullptr, bias, false, false}, shape_.logits, output);
  if (statistics == nullptr) return;
  if (shape_.logits) throw Error("invalid-argument", "the layer of the logits has no statistics");
  context_.timed([] { return std::string("batch statistics of dense layers"); },
                 [&] { batch_statistics(context_, batch, shape_.outputs, output, *statistics); });
}

void DenseLayer::infer(int batch, const float* input, const InferenceEpilogue& epilogue, float* output) {
  if (epilogue.pool) throw Error("invalid-argument", "a dense layer cannot be followed by a pool");
  multiply(Product::forward, batch, weights(), input, output);
  if (epilogue.scale == nullptr && epilogue.shift == nullptr && !epilogue.relu) return;
  context_.timed([] { return std::string("epilogue of dense layers"); }, [&] {
    inference_epilogue(context_, batch, 1, shape_.outputs, output, epilogue, shape_.logits, output);
  });
}

void DenseLayer::backward_data(int batch, const float* output_gradient, float* input_gradient) {
  multiply(Product::data_gradient, batch, weights(), output_gradient, input_gradient);
}

void DenseLayer::backward_weights(int batch, const float* input, const float* output_gradient, float* weight_gradient,
                                  float* bias_gradient) {
  multiply(Product::weight_gradient, batch, input, output_gradient, weight_gradient);
  if (bias_gradient != nullptr) column_sums(context_, output_gradient, batch, shape_.outputs, bias_gradient);
}

}  // namespace deepyeast::cuda
