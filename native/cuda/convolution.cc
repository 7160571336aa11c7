#include "convolution.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <utility>

#include "autotune.h"
#include "operations.h"

namespace deepyeast::cuda {
namespace {

// With fewer input channels a tensor core would mostly multiply zeros.
constexpr int kDirectChannels = 8;
constexpr std::size_t kMostEngines = 6;  // measured for one operation, unless kMostEnginesVariable says another number
constexpr std::size_t kMostFused = 3;    // of fused ones, since each is compiled first
constexpr std::size_t kEveryEngine = 1000;
constexpr std::size_t kMostWorkspace = std::size_t{1} << 30;  // bytes
constexpr int kMeasuredRuns = 10;                             // of a candidate in a round
const char* const kMostEnginesVariable = "DEEPYEAST_CUDA_ENGINES";
const char* const kSecondsVariable = "DEEPYEAST_CUDA_TUNING_SECONDS";  // for one operation
const char* const kDirect = "direct";

std::size_t most_engines() {
  const char* text = std::getenv(kMostEnginesVariable);
  const int number = text != nullptr ? std::atoi(text) : 0;
  return number > 0 ? static_cast<std::size_t>(number) : kMostEngines;
}

// Milliseconds under load after which a card's clocks have risen.
constexpr double kWarmUp = 20;

AutotuneLimits autotune_limits() {
  AutotuneLimits limits;
  const char* text = std::getenv(kSecondsVariable);
  const double seconds = text != nullptr ? std::atof(text) : 0;
  if (seconds > 0) limits.seconds = seconds;
  limits.preparing = limits.seconds / 2;
  limits.warm_up = kWarmUp / kMeasuredRuns;  // a time is the mean of as many runs
  return limits;
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
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
    if (direct) {
      direct_weights(context_, shape_, false, weights, direct_forward_.as<float>());
      direct_weights(context_, shape_, true, weights, direct_backward_.as<float>());
    }
    if (converted_.data() != nullptr)
      to_activations(context_, weights, weight_count(shape_), converted_.as<float>());
  });
}

const void* ConvolutionLayer::weights() const { return converted_.data() != nullptr ? converted_.data() : master_; }

// What cuDNN offers for an operation: at most `most` engines of each form. The forms take turns, so that every form has been
// tried where there is no time for all candidates.
std::vector<ConvolutionLayer::Candidate> ConvolutionLayer::candidates(GraphKind operation, int batch, std::size_t most) {
  std::vector<std::vector<Candidate>> forms;
  const auto add = [&](GraphKind kind, cudnnDataType_t weight_type, bool converted, const std::string& prefix,
                       std::size_t most_of_form) {
    forms.emplace_back();
    try {
      for (Engine& engine : find_engines({context_.cudnn(), nullptr}, kind, shape_of(batch), context_.precision(),
                                         weight_type, most_of_form)) {
        const std::string name = prefix + engine.name();
        forms.back().push_back({name, std::make_shared<Engine>(std::move(engine)), kind, converted});
      }
    } catch (const Error&) {
      // cuDNN cannot express it: the next form may do.
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
  std::vector<Candidate> found;
  std::size_t longest = 0;
  for (const auto& form : forms) longest = std::max(longest, form.size());
  for (std::size_t i = 0; i < longest; ++i)
    for (auto& form : forms)
      if (i < form.size()) found.push_back(std::move(form[i]));
  return found;
}

std::size_t ConvolutionLayer::workspace_bytes(const Candidate& candidate) const {
  const std::size_t gradient = candidate.converted ? weight_count(shape_) * 2 : 0;
  return aligned(candidate.engine->workspace_bytes()) + gradient;
}

void ConvolutionLayer::execute_directly(GraphKind operation, int batch, const GraphPointers& pointers) {
  const ConvolutionShape shape = shape_of(batch);
  // The graph's pointers are const because each operation writes another one of them: y forward, x for the data gradient, w
  // for the weight gradient.
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

// One operation, the epilogue of inference included (without its pool).
void ConvolutionLayer::execute(const Candidate& candidate, GraphKind operation, int batch, const GraphPointers& pointers,
                               const Workspace& workspace) {
  if (!candidate.engine) {
    execute_directly(operation, batch, pointers);
  } else {
    std::uint8_t* memory = static_cast<std::uint8_t*>(workspace(workspace_bytes(candidate)));
    const std::size_t scratch = candidate.engine->workspace_bytes();
    GraphPointers actual = pointers;
    if (candidate.converted) actual.w = memory + aligned(scratch);
    candidate.engine->execute(context_.cudnn(), actual, candidate.kind, scratch > 0 ? memory : nullptr);
    if (candidate.converted)
      from_bfloat16(context_, actual.w, weight_count(shape_), const_cast<float*>(static_cast<const float*>(pointers.w)));
  }
  if (operation == GraphKind::forward_epilogue && candidate.kind != GraphKind::forward_epilogue) {
    float* y = const_cast<float*>(static_cast<const float*>(pointers.y));
    inference_epilogue(context_, static_cast<Index>(batch) * shape_.height, shape_.width, shape_.output_channels, y,
                       {pointers.scale, pointers.shift, true, false}, false, y);
  }
}

// The candidate that the plans name. False where they name none, or one that cannot be had: which a note tells, since the
// next choice may differ by rounding from what a resumed run computed before.
bool ConvolutionLayer::take_planned(GraphKind operation, int batch, Candidate* planned) {
  const std::string name = context_.plan_cache().find(key(operation, batch));
  if (name.empty()) return false;
  if (name == kDirect) {
    *planned = {kDirect, nullptr, operation, false};
    return true;
  }
  for (Candidate& candidate : candidates(operation, batch, kEveryEngine)) {
    if (candidate.name != name) continue;
    try {
      candidate.engine->prepare({context_.cudnn(), nullptr});
      context_.workspace(workspace_bytes(candidate));
      *planned = std::move(candidate);
      return true;
    } catch (const Error&) {
      break;
    }
  }
  context_.note("the engine kept for convolution " + key(operation, batch) +
                " cannot be used any more: another one is measured, which may differ by rounding");
  return false;
}

// The fastest of what cuDNN offers; direct where it offers nothing. Candidates are measured with a workspace of their own,
// which is given back: the largest may be a gigabyte that nothing needs afterwards.
ConvolutionLayer::Candidate ConvolutionLayer::fastest(GraphKind operation, int batch, const GraphPointers& pointers) {
  std::vector<Candidate> all = candidates(operation, batch, most_engines());
  const std::size_t most_workspace = std::min(kMostWorkspace, free_memory() / 2);
  DeviceMemory scratch;
  Event start(true), stop(true);
  const Workspace workspace = [&](std::size_t) { return scratch.data(); };
  const auto prepare = [&](int index) {
    const Candidate& candidate = all[static_cast<std::size_t>(index)];
    try {
      candidate.engine->prepare({context_.cudnn(), nullptr});
      const std::size_t bytes = workspace_bytes(candidate);
      if (bytes > most_workspace) return false;
      if (bytes > scratch.size()) {
        // The smaller one goes first, since both may not fit. It comes back where the larger one does not fit either: the
        // candidates before this one are still to be timed in it.
        const std::size_t before = scratch.size();
        scratch = DeviceMemory();
        try {
          scratch = DeviceMemory(bytes, context_.stream(), "workspace for measuring");
        } catch (const Error&) {
          scratch = DeviceMemory(before, context_.stream(), "workspace for measuring");
          throw;
        }
      }
      execute(candidate, operation, batch, pointers, workspace);
      check(cudaStreamSynchronize(context_.stream()), "a convolution's candidate");
      return true;
    } catch (const Error& error) {
      // Not supported after all, or too little memory for its workspace. A failed device fails the next call too.
      if (error.code() != "out-of-memory" && error.code() != "cuda-failure") throw;
      return false;
    }
  };
  const auto time = [&](int index) {
    try {
      start.record(context_.stream());
      for (int i = 0; i < kMeasuredRuns; ++i)
        execute(all[static_cast<std::size_t>(index)], operation, batch, pointers, workspace);
      stop.record(context_.stream());
      stop.wait_on_host();
      float milliseconds = 0;
      check(cudaEventElapsedTime(&milliseconds, start.get(), stop.get()), "cudaEventElapsedTime");
      return static_cast<double>(milliseconds) / kMeasuredRuns;
    } catch (const Error& error) {
      if (error.code() != "out-of-memory" && error.code() != "cuda-failure") throw;
      return std::numeric_limits<double>::infinity();
    }
  };
  const int best = autotune({static_cast<int>(all.size()), prepare, time, steady_seconds}, autotune_limits());
  if (best < 0) return {kDirect, nullptr, operation, false};
  return std::move(all[static_cast<std::size_t>(best)]);
}

const ConvolutionLayer::Candidate& ConvolutionLayer::chosen(GraphKind operation, int batch,
                                                            const GraphPointers& pointers) {
  const auto found = chosen_.find({operation, batch});
  if (found != chosen_.end()) return found->second;

  Candidate candidate{kDirect, nullptr, operation, false};
  if (!direct_ && !take_planned(operation, batch, &candidate)) {
    candidate = fastest(operation, batch, pointers);
    if (candidate.engine) {
      context_.workspace(workspace_bytes(candidate));
      context_.plan_cache().add(key(operation, batch), candidate.name);
    } else {
      context_.note("cuDNN has no engine for convolution " + key(operation, batch) + ": computed directly, slowly");
      // What was taken only because nothing else ran is not kept: memory may have been short, or the device have failed.
      context_.plan_cache().add_unsaved(key(operation, batch), candidate.name);
    }
  }
  if (!candidate.engine && !direct_ && master_ != nullptr) {
    // set_weights has not made these, since nothing needed them.
    direct_weights(context_, shape_, false, master_, direct_forward_.as<float>());
    direct_weights(context_, shape_, true, master_, direct_backward_.as<float>());
  }
  return chosen_.emplace(std::make_pair(operation, batch), std::move(candidate)).first->second;
}

void ConvolutionLayer::run(GraphKind operation, int batch, const GraphPointers& pointers) {
  const Candidate& candidate = chosen(operation, batch, pointers);
  timed(operation, batch, [&] {
    execute(candidate, operation, batch, pointers, [&](std::size_t bytes) { return context_.workspace(bytes); });
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
      context_.retire(std::exchange(pooled_, std::move(larger)));
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
