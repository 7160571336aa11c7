#include "convolution.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "autotune.h"
#include "operations.h"

namespace deepyeast::cuda {
namespace {

// With fewer input channels a tensor core would mostly multiply zeros.
constexpr int kDirectChannels = 8;
// Engines that are timed for one operation. The variable sets another number, for tests, which have no time for many.
constexpr std::size_t kMostEngines = 6;
const char* const kMostEnginesVariable = "DEEPYEAST_CUDA_ENGINES";
constexpr std::size_t kMostFused = 3;                         // fewer of those with an epilogue: cuDNN compiles each
constexpr std::size_t kEveryEngine = 10000;                   // for finding one by its name
constexpr std::size_t kMostWorkspace = std::size_t{1} << 30;  // bytes; engines that need more are left out
constexpr int kTimedRuns = 5;                                 // between the two events of one timing
const char* const kDirect = "direct";
const char* const kScratch = "timing a convolution's engines";

std::size_t most_engines() {
  const char* text = std::getenv(kMostEnginesVariable);
  const int number = text != nullptr ? std::atoi(text) : 0;
  return number > 0 ? static_cast<std::size_t>(number) : kMostEngines;
}

std::size_t aligned(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

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
    for (const auto& entry : chosen_) direct = direct || !entry.second.engine;
    if (direct) make_direct_weights();
    if (converted_.data() != nullptr)
      to_activations(context_, weights, weight_count(shape_), converted_.as<float>());
  });
}

void ConvolutionLayer::make_direct_weights() {
  direct_weights(context_, shape_, false, master_, direct_forward_.as<float>());
  direct_weights(context_, shape_, true, master_, direct_backward_.as<float>());
}

std::vector<ConvolutionLayer::Candidate> ConvolutionLayer::find_candidates(GraphKind operation, int batch,
                                                                           std::size_t most) {
  std::vector<Candidate> found;
  const auto add = [&](GraphKind kind, cudnnDataType_t weight_type, bool converted, const std::string& prefix,
                       std::size_t number) {
    try {
      for (Engine& engine :
           find_engines({context_.cudnn(), nullptr}, kind, shape_of(batch), context_.precision(), weight_type, number)) {
        const std::string name = prefix + engine.name();
        found.push_back({std::make_shared<Engine>(std::move(engine)), kind, converted, name});
      }
    } catch (const Error&) {
      // cuDNN cannot express this form of the operation. Another form may do.
    }
  };
  switch (operation) {
    case GraphKind::forward_epilogue:
      add(GraphKind::forward_epilogue, CUDNN_DATA_FLOAT, false, "fused ",
          most == kEveryEngine ? most : std::min(kMostFused, most));
      add(GraphKind::forward, CUDNN_DATA_FLOAT, false, "", most);
      break;
    case GraphKind::backward_weights:
      add(operation, CUDNN_DATA_FLOAT, false, "", most);
      if (context_.is_bfloat16()) add(operation, CUDNN_DATA_BFLOAT16, true, "converted ", most);
      break;
    default: add(operation, CUDNN_DATA_FLOAT, false, "", most);
  }
  return found;
}

std::size_t ConvolutionLayer::workspace_bytes(const Candidate& candidate) const {
  if (!candidate.engine) return 0;
  return aligned(candidate.engine->workspace_bytes()) + (candidate.converted ? weight_count(shape_) * 2 : 0);
}

void ConvolutionLayer::execute_direct(GraphKind operation, int batch, const GraphPointers& pointers) {
  const ConvolutionShape shape = shape_of(batch);
  // GraphPointers are const: the operation decides which of them is written.
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
}

// Enqueues one operation, the epilogue of inference included (without its pool). The workspace has workspace_bytes().
void ConvolutionLayer::execute(const Candidate& candidate, GraphKind operation, int batch,
                               const GraphPointers& pointers, void* workspace) {
  if (!candidate.engine) {
    execute_direct(operation, batch, pointers);
  } else {
    const std::size_t bytes = candidate.engine->workspace_bytes();
    GraphPointers actual = pointers;
    if (candidate.converted) actual.w = static_cast<std::uint8_t*>(workspace) + aligned(bytes);
    candidate.engine->execute(context_.cudnn(), actual, candidate.kind, bytes > 0 ? workspace : nullptr);
    if (candidate.converted)
      from_bfloat16(context_, actual.w, weight_count(shape_), const_cast<float*>(static_cast<const float*>(pointers.w)));
  }
  if (operation == GraphKind::forward_epilogue && candidate.kind != GraphKind::forward_epilogue) {
    float* y = const_cast<float*>(static_cast<const float*>(pointers.y));
    inference_epilogue(context_, static_cast<Index>(batch) * shape_.height, shape_.width, shape_.output_channels, y,
                       {pointers.scale, pointers.shift, true, false}, false, y);
  }
}

// The candidate that the plans name, ready to run. Where it cannot be used the results change by rounding, so that is noted.
std::optional<ConvolutionLayer::Candidate> ConvolutionLayer::planned(GraphKind operation, int batch,
                                                                     const std::string& name) {
  const auto fits = [&](const Candidate& candidate) { return candidate.name == name; };
  // The engines that would be timed come first: asking cuDNN for all of them takes longer.
  for (const std::size_t most : {most_engines(), kEveryEngine}) {
    std::vector<Candidate> candidates = find_candidates(operation, batch, most);
    const auto found = std::find_if(candidates.begin(), candidates.end(), fits);
    if (found == candidates.end()) continue;
    try {
      found->engine->prepare({context_.cudnn(), nullptr});
      context_.workspace(workspace_bytes(*found));
      return *found;
    } catch (const Error& error) {
      context_.note("the engine kept for convolution " + key(operation, batch) +
                    " cannot be used any more, another one is chosen: " + error.what());
      return std::nullopt;
    }
  }
  context_.note("the engine kept for convolution " + key(operation, batch) +
                " is not offered by cuDNN any more, another one is chosen: results may differ by rounding");
  return std::nullopt;
}

// The fastest candidate. Candidates are timed in memory of their own, which is given back: the workspace that all
// operations share grows only by what the chosen one needs.
std::optional<ConvolutionLayer::Candidate> ConvolutionLayer::autotuned(GraphKind operation, int batch,
                                                                       const GraphPointers& pointers) {
  const std::vector<Candidate> found = find_candidates(operation, batch, most_engines());
  DeviceMemory scratch;
  Event start(true), stop(true);
  // A candidate that fails is not supported after all, or its workspace does not fit. Where the device itself has failed
  // the next call fails too.
  const auto tolerate = [](const Error& error) {
    if (error.code() != "out-of-memory" && error.code() != "cuda-failure") throw error;
  };
  AutotuneCandidates candidates;
  candidates.count = found.size();
  candidates.prepare = [&](std::size_t index) {
    try {
      found[index].engine->prepare({context_.cudnn(), nullptr});
      const std::size_t bytes = workspace_bytes(found[index]);
      if (bytes > kMostWorkspace) return false;
      if (bytes > scratch.size()) {
        // The smaller one goes first, since both may not fit. It comes back where the larger one does not fit either.
        const std::size_t before = scratch.size();
        scratch = DeviceMemory();
        try {
          scratch = DeviceMemory(bytes, context_.stream(), kScratch);
        } catch (const Error&) {
          scratch = DeviceMemory(before, context_.stream(), kScratch);
          throw;
        }
      }
      return true;
    } catch (const Error& error) {
      tolerate(error);
      return false;
    }
  };
  candidates.time = [&](std::size_t index) -> std::optional<double> {
    try {
      start.record(context_.stream());
      for (int run = 0; run < kTimedRuns; ++run) execute(found[index], operation, batch, pointers, scratch.data());
      stop.record(context_.stream());
      stop.wait_on_host();
      float milliseconds = 0;
      check(cudaEventElapsedTime(&milliseconds, start.get(), stop.get()), "cudaEventElapsedTime");
      return static_cast<double>(milliseconds) / kTimedRuns;
    } catch (const Error& error) {
      tolerate(error);
      return std::nullopt;
    }
  };
  candidates.seconds = [] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  AutotuneLimits limits;
  limits.warm_up_milliseconds /= kTimedRuns;  // what is timed is the mean of as many runs
  limits.preparation_seconds = std::min(limits.preparation_seconds, context_.autotune_seconds_left());
  const double began = candidates.seconds();
  const std::optional<std::size_t> fastest = fastest_candidate(candidates, limits);
  context_.spend_autotune_seconds(candidates.seconds() - began);
  if (!fastest) return std::nullopt;
  scratch = DeviceMemory();
  try {
    context_.workspace(workspace_bytes(found[*fastest]));
  } catch (const Error& error) {
    tolerate(error);
    return std::nullopt;
  }
  return found[*fastest];
}

const ConvolutionLayer::Candidate& ConvolutionLayer::chosen(GraphKind operation, int batch,
                                                            const GraphPointers& pointers) {
  const auto known = chosen_.find({operation, batch});
  if (known != chosen_.end()) return known->second;

  const Candidate direct{nullptr, operation, false, kDirect};
  if (direct_) return chosen_.emplace(std::make_pair(operation, batch), direct).first->second;
  PlanCache& plans = context_.plan_cache();
  const std::string wanted = plans.find(key(operation, batch));
  std::optional<Candidate> choice;
  if (wanted == kDirect) choice = direct;
  else if (!wanted.empty()) choice = planned(operation, batch, wanted);
  if (!choice) {
    choice = autotuned(operation, batch, pointers);
    // The direct kernels are not saved as the choice: memory may have been short, or the device have failed.
    if (choice) {
      plans.add(key(operation, batch), choice->name);
    } else {
      choice = direct;
      plans.add_unsaved(key(operation, batch), kDirect);
      context_.note("cuDNN has no engine for convolution " + key(operation, batch) + ": computed directly, slowly");
    }
  }
  // set_weights has not made the direct kernels' weights, since nothing needed them.
  if (!choice->engine && master_ != nullptr) make_direct_weights();
  return chosen_.emplace(std::make_pair(operation, batch), *choice).first->second;
}

void ConvolutionLayer::run(GraphKind operation, int batch, const GraphPointers& pointers) {
  const Candidate& candidate = chosen(operation, batch, pointers);
  timed(operation, batch, [&] {
    // The direct kernels take workspace themselves.
    void* workspace = candidate.engine ? context_.workspace(workspace_bytes(candidate)) : nullptr;
    execute(candidate, operation, batch, pointers, workspace);
  });
}

void ConvolutionLayer::forward(int batch, const float* input, float* output, const BatchStatistics* statistics) {
  run(GraphKind::forward, batch, {input, weights(), output, nullptr, nullptr});
  if (statistics == nullptr) return;
  context_.timed([&] { return "batch statistics " + text_of(shape_, batch); }, [&] {
    batch_statistics(context_, static_cast<Index>(batch) * shape_.height * shape_.width, shape_.output_channels, output,
                     *statistics);
  });
}

void ConvolutionLayer::infer(int batch, const float* input, const InferenceEpilogue& epilogue, float* output) {
  const bool fused = epilogue.relu && epilogue.scale != nullptr && epilogue.shift != nullptr;
  const std::size_t values = static_cast<std::size_t>(batch) * shape_.height * shape_.width * shape_.output_channels;
  const Index lines = static_cast<Index>(batch) * shape_.height;
  // What is pooled goes by way of a buffer of its own, since the output has room for a quarter only.
  float* linear = output;
  if (epilogue.pool) {
    const std::size_t bytes = values * context_.activation_bytes();
    if (pooled_.size() < bytes) {
      DeviceMemory larger(bytes, context_.stream(), "a layer before its pool");
      context_.retire(std::move(pooled_));
      pooled_ = std::move(larger);
    }
    linear = pooled_.as<float>();
  }
  const GraphPointers pointers{input, weights(), linear, epilogue.scale, epilogue.shift};
  run(fused ? GraphKind::forward_epilogue : GraphKind::forward, batch, pointers);
  InferenceEpilogue rest = epilogue;
  if (fused) rest = {nullptr, nullptr, false, epilogue.pool};
  if (rest.scale == nullptr && rest.shift == nullptr && !rest.relu && !rest.pool) return;
  context_.timed([&] { return "epilogue and pool " + text_of(shape_, batch); }, [&] {
    inference_epilogue(context_, lines, shape_.width, shape_.output_channels, linear, rest, false, output);
  });
}

void ConvolutionLayer::backward_data(int batch, const float* output_gradient, float* input_gradient) {
  run(GraphKind::backward_data, batch, {input_gradient, weights(), output_gradient, nullptr, nullptr});
}

void ConvolutionLayer::backward_weights(int batch, const float* input, const float* output_gradient,
                                        float* weight_gradient) {
  run(GraphKind::backward_weights, batch, {input, weight_gradient, output_gradient, nullptr, nullptr});
}

}  // namespace deepyeast::cuda
