#include "convolution.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "operations.h"

namespace deepyeast::cuda {
namespace {

// With fewer input channels a tensor core would mostly multiply zeros.
constexpr int kDirectChannels = 8;
constexpr std::size_t kMostEngines = 6;                       // measured for one operation, unless
const char* const kMostEnginesVariable = "DEEPYEAST_CUDA_ENGINES";  // says another number: tests have no time for many
constexpr std::size_t kMostFused = 3;                         // of fused ones, since each is compiled first
constexpr std::size_t kMostWorkspace = std::size_t{1} << 30;  // bytes
constexpr int kMeasuredRuns = 5, kMeasurements = 3;
const char* const kDirect = "direct";

std::size_t most_engines() {
  const char* text = std::getenv(kMostEnginesVariable);
  const int number = text != nullptr ? std::atoi(text) : 0;
  return number > 0 ? static_cast<std::size_t>(number) : kMostEngines;
}

std::size_t weight_count(const ConvolutionShape& shape) {
  return std::size_t{9} * static_cast<std::size_t>(shape.input_channels) * static_cast<std::size_t>(shape.output_channels);
}

std::string text_of(const ConvolutionShape& s, int batch) {
  return std::to_string(batch) + "x" + std::to_string(s.height) + "x" + std::to_string(s.width) + "x" +
         std::to_string(s.input_channels) + " to " + std::to_string(s.output_channels);
}

}  // namespace

ConvolutionLayer::ConvolutionLayer(Context& context, const ConvolutionShape& shape, bool)
    : context_(context), shape_(shape), direct_(shape.input_channels <= kDirectChannels) {
  if (shape.batch < 1 || shape.height < 1 || shape.width < 1 || shape.input_channels < 1 || shape.output_channels < 1)
    throw Error("invalid-argument", "a convolution needs a positive batch, height, width and numbers of channels");
  // The direct kernels' weights are there for all: they are what remains where cuDNN has no engine.
  const std::size_t bytes = weight_count(shape) * sizeof(float);
  direct_forward_ = DeviceMemory(bytes, context.stream(), "a convolution's weights");
  direct_backward_ = DeviceMemory(bytes, context.stream(), "a convolution's weights");
  if (!direct_ && context.is_bfloat16())
    converted_ = DeviceMemory(weight_count(shape) * 2, context.stream(), "a convolution's weights");
}

ConvolutionShape ConvolutionLayer::shape_of(int batch) const {
  if (batch < 1 || batch > shape_.batch)
    throw Error("invalid-argument", "a convolution was given " + std::to_string(batch) +
                                        " images; it was made for at most " + std::to_string(shape_.batch));
  ConvolutionShape shape = shape_;
  shape.batch = batch;
  return shape;
}

std::string ConvolutionLayer::key(GraphKind operation, int batch) const {
  return std::string(precision_name(context_.precision())) + " " + name_of(operation) + " " + text_of(shape_, batch);
}

void ConvolutionLayer::timed(GraphKind operation, int batch, const std::function<void()>& body) {
  context_.timed([&] { return std::string("convolution ") + name_of(operation) + " " + text_of(shape_, batch); }, body);
}

void ConvolutionLayer::set_weights(const float* weights) {
  master_ = weights;
  context_.timed([] { return std::string("weights for convolutions"); }, [&] {
    bool direct = direct_;
    for (const auto& entry : ways_) direct = direct || !entry.second.engine;
    if (direct) {
      direct_weights(context_, shape_, false, weights, direct_forward_.as<float>());
      direct_weights(context_, shape_, true, weights, direct_backward_.as<float>());
    }
    if (converted_.data() != nullptr)
      to_activations(context_, weights, weight_count(shape_), converted_.as<float>());
  });
}

// The candidates for an operation, by name.
std::vector<std::pair<std::string, ConvolutionLayer::Way>> ConvolutionLayer::ways(GraphKind operation, int batch) {
  std::vector<std::pair<std::string, Way>> found;
  if (direct_) return found;
  const auto add = [&](GraphKind kind, cudnnDataType_t weight_type, bool converted, const std::string& prefix) {
    try {
      const std::size_t most =
          kind == GraphKind::forward_epilogue ? std::min(kMostFused, most_engines()) : most_engines();
      for (Engine& engine :
           find_engines({context_.cudnn(), nullptr}, kind, shape_of(batch), context_.precision(), weight_type, most)) {
        const std::string name = prefix + engine.name();
        found.push_back({name, Way{std::make_shared<Engine>(std::move(engine)), kind, converted}});
      }
    } catch (const Error&) {
      // cuDNN cannot express it: the next form may do.
    }
  };
  switch (operation) {
    case GraphKind::forward_epilogue:
      add(GraphKind::forward_epilogue, CUDNN_DATA_FLOAT, false, "fused ");
      add(GraphKind::forward, CUDNN_DATA_FLOAT, false, "");
      break;
    case GraphKind::backward_weights:
      add(operation, CUDNN_DATA_FLOAT, false, "");
      if (context_.is_bfloat16()) add(operation, CUDNN_DATA_BFLOAT16, true, "converted ");
      break;
    default: add(operation, CUDNN_DATA_FLOAT, false, "");
  }
  return found;
}

// One operation, the epilogue of inference included (without its pool).
void ConvolutionLayer::carry_out(const Way& way, GraphKind operation, int batch, const GraphPointers& pointers) {
  const ConvolutionShape shape = shape_of(batch);
  if (!way.engine) {
    // GraphPointers are const: which of them is written is the operation's business.
    float* x = const_cast<float*>(static_cast<const float*>(pointers.x));
    float* w = const_cast<float*>(static_cast<const float*>(pointers.w));
    float* y = const_cast<float*>(static_cast<const float*>(pointers.y));
    if (operation == GraphKind::backward_weights) {
      direct_weight_gradient(context_, shape, x, y, w);
    } else if (operation == GraphKind::backward_data) {
      ConvolutionShape reversed = shape;
      std::swap(reversed.input_channels, reversed.output_channels);
      direct_forward(context_, reversed, y, direct_backward_.as<float>(), x);
    } else {
      direct_forward(context_, shape, x, direct_forward_.as<float>(), y);
    }
  } else {
    const std::size_t workspace = way.engine->workspace_bytes();
    const std::size_t gradient = way.converted ? weight_count(shape) * 2 : 0, aligned = (workspace + 255) / 256 * 256;
    std::uint8_t* memory = static_cast<std::uint8_t*>(context_.workspace(aligned + gradient));
    GraphPointers actual = pointers;
    if (way.converted) actual.w = memory + aligned;
    way.engine->execute(context_.cudnn(), actual, way.kind, workspace > 0 ? memory : nullptr);
    if (way.converted)
      from_bfloat16(context_, actual.w, weight_count(shape), const_cast<float*>(static_cast<const float*>(pointers.w)));
  }
  if (operation == GraphKind::forward_epilogue && way.kind != GraphKind::forward_epilogue) {
    float* y = const_cast<float*>(static_cast<const float*>(pointers.y));
    inference_epilogue(context_, static_cast<Index>(batch) * shape.height, shape.width, shape.output_channels, y,
                       {pointers.scale, pointers.shift, true, false}, false, y);
  }
}

// Milliseconds of one run: the best of some measurements, so that what else the device does counts little.
double ConvolutionLayer::measure(const Way& way, GraphKind operation, int batch, const GraphPointers& pointers) {
  way.engine->prepare({context_.cudnn(), nullptr});
  if (way.engine->workspace_bytes() > kMostWorkspace) return std::numeric_limits<double>::infinity();
  carry_out(way, operation, batch, pointers);
  Event start(true), stop(true);
  double best = std::numeric_limits<double>::infinity();
  for (int measurement = 0; measurement < kMeasurements; ++measurement) {
    start.record(context_.stream());
    for (int run = 0; run < kMeasuredRuns; ++run) carry_out(way, operation, batch, pointers);
    stop.record(context_.stream());
    stop.wait_on_host();
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, start.get(), stop.get()), "cudaEventElapsedTime");
    best = std::min(best, static_cast<double>(milliseconds) / kMeasuredRuns);
  }
  return best;
}

const ConvolutionLayer::Way& ConvolutionLayer::way(GraphKind operation, int batch, const GraphPointers& pointers) {
  const auto found = ways_.find({operation, batch});
  if (found != ways_.end()) return found->second;

  Way best;
  std::string name = kDirect;
  const std::string wanted = direct_ ? kDirect : context_.plan_cache().find(key(operation, batch));
  auto candidates = wanted == kDirect ? std::vector<std::pair<std::string, Way>>{} : ways(operation, batch);
  bool chosen = wanted == kDirect;
  for (auto& [candidate, way] : candidates) {
    if (candidate != wanted) continue;
    try {
      way.engine->prepare({context_.cudnn(), nullptr});
      context_.workspace(way.engine->workspace_bytes() + weight_count(shape_) * 2 + 512);
      best = way;
      chosen = true;
    } catch (const Error&) {
      // It is measured anew.
      context_.note("the engine kept for convolution " + key(operation, batch) + " cannot be used any more");
    }
  }
  if (!chosen) {
    double least = std::numeric_limits<double>::infinity();
    for (auto& [candidate, way] : candidates) {
      try {
        const double milliseconds = measure(way, operation, batch, pointers);
        if (milliseconds >= least) continue;
        least = milliseconds;
        best = way;
        name = candidate;
      } catch (const Error& error) {
        // Not supported after all, or too little memory for its workspace. A failed device fails the next call too.
        if (error.code() != "out-of-memory" && error.code() != "cuda-failure") throw;
      }
    }
    if (!best.engine)
      context_.note("cuDNN has no engine for convolution " + key(operation, batch) + ": computed directly, slowly");
    // What was taken only because nothing else ran is not kept: memory may have been short, or the device have failed.
    if (best.engine) context_.plan_cache().add(key(operation, batch), name);
    else context_.plan_cache().add_unsaved(key(operation, batch), name);
  }
  if (!best.engine && !direct_ && master_ != nullptr) {
    // set_weights has not made these, since nothing needed them.
    direct_weights(context_, shape_, false, master_, direct_forward_.as<float>());
    direct_weights(context_, shape_, true, master_, direct_backward_.as<float>());
  }
  return ways_.emplace(std::make_pair(operation, batch), best).first->second;
}

void ConvolutionLayer::run(GraphKind operation, int batch, const GraphPointers& pointers) {
  const Way& chosen = way(operation, batch, pointers);
  timed(operation, batch, [&] { carry_out(chosen, operation, batch, pointers); });
}

void ConvolutionLayer::forward(int batch, const float* input, float* output, const BatchStatistics* statistics) {
  const void* weights = converted_.data() != nullptr ? converted_.data() : static_cast<const void*>(master_);
  run(GraphKind::forward, batch, {input, weights, output, nullptr, nullptr});
  if (statistics == nullptr) return;
  context_.timed([&] { return "batch statistics " + text_of(shape_, batch); }, [&] {
    batch_statistics(context_, static_cast<Index>(batch) * shape_.height * shape_.width, shape_.output_channels, output,
                     *statistics);
  });
}

void ConvolutionLayer::infer(int batch, const float* input, const InferenceEpilogue& epilogue, float* output) {
  const void* weights = converted_.data() != nullptr ? converted_.data() : static_cast<const void*>(master_);
  const bool fused = epilogue.relu && epilogue.scale != nullptr && epilogue.shift != nullptr;
  const std::size_t values = static_cast<std::size_t>(batch) * shape_.height * shape_.width * shape_.output_channels;
  const Index lines = static_cast<Index>(batch) * shape_.height;
  // What is pooled goes by way of a buffer of its own, since the output has room for a quarter only.
  float* linear = output;
  if (epilogue.pool) {
    const std::size_t bytes = values * context_.activation_bytes();
    if (pooled_.size() < bytes) {
      if (pooled_.data() != nullptr) retired_.push_back(std::move(pooled_));
      pooled_ = DeviceMemory(bytes, context_.stream(), "a layer before its pool");
    }
    linear = pooled_.as<float>();
  }
  const GraphPointers pointers{input, weights, linear, epilogue.scale, epilogue.shift};
  run(fused ? GraphKind::forward_epilogue : GraphKind::forward, batch, pointers);
  InferenceEpilogue rest = epilogue;
  if (fused) rest = {nullptr, nullptr, false, epilogue.pool};
  if (rest.scale == nullptr && rest.shift == nullptr && !rest.relu && !rest.pool) return;
  context_.timed([&] { return "epilogue and pool " + text_of(shape_, batch); }, [&] {
    inference_epilogue(context_, lines, shape_.width, shape_.output_channels, linear, rest, false, output);
  });
}

void ConvolutionLayer::backward_data(int batch, const float* output_gradient, float* input_gradient) {
  const void* weights = converted_.data() != nullptr ? converted_.data() : static_cast<const void*>(master_);
  run(GraphKind::backward_data, batch, {input_gradient, weights, output_gradient, nullptr, nullptr});
}

void ConvolutionLayer::backward_weights(int batch, const float* input, const float* output_gradient,
                                        float* weight_gradient) {
  run(GraphKind::backward_weights, batch, {input, weight_gradient, output_gradient, nullptr, nullptr});
}

}  // namespace deepyeast::cuda
