#include "operations.h"

#include <algorithm>

#include "../system/random.h"
#include "kernels/direct_convolution.h"
#include "kernels/launch.cuh"
#include "kernels/normalization.h"
#include "kernels/perturbation.h"
#include "kernels/step.h"

namespace deepyeast::cuda {
namespace {

constexpr Index kSumBlocks = 512;     // of kernels that leave partial sums
constexpr Index kApplyBlocks = 4096;  // of the others

void require(bool condition, const char* message) {
  if (!condition) throw Error("invalid-argument", message);
}

template <typename Type>
const Type* as(const float* pointer) {
  return reinterpret_cast<const Type*>(pointer);
}
template <typename Type>
Type* as(float* pointer) {
  return reinterpret_cast<Type*>(pointer);
}

// Calls function(Type{}) with the context's activation type.
template <typename Function>
void with_type(const Context& context, const Function& function) {
  if (context.is_bfloat16()) function(BFloat16{});
  else function(float{});
}

template <int size>
struct Size {
  static constexpr int value = size;
};

// Calls function(Size<n>()) with the number of neighbouring channels that a thread takes: 16 bytes' worth where they
// come out even.
template <typename Type, typename Function>
void with_vector(int channels, const Function& function) {
  constexpr int widest = 16 / static_cast<int>(sizeof(Type));
  if (channels % widest == 0) function(Size<widest>());
  else function(Size<1>());
}

template <After after>
struct AfterIs {
  static constexpr After value = after;
};

template <typename Function>
void with_after(const NormalizationShape& shape, const Function& function) {
  if (shape.pool) function(AfterIs<After::pool>());
  else if (shape.dropout > 0) function(AfterIs<After::dropout>());
  else function(AfterIs<After::nothing>());
}

void check_shape(const NormalizationShape& shape, const CudaNormalization& arguments) {
  require(shape.batch > 0 && shape.height > 0 && shape.width > 0 && shape.channels > 0, "a size is not positive");
  require(!shape.pool || (shape.height % 2 == 0 && shape.width % 2 == 0), "a 2x2 pool needs an even height and width");
  require(shape.dropout == 0 || (!shape.pool && shape.height == 1 && shape.width == 1),
          "dropout follows dense layers only");
  require(shape.dropout == 0 || arguments.dropout != nullptr, "dropout needs a stream of random numbers");
}

template <typename Type, int vector, After after>
NormalizationRows<Type, vector, after> rows_of(const Context& context, const NormalizationShape& shape,
                                               const CudaNormalization& arguments, Index blocks) {
  const Index pixels = static_cast<Index>(shape.batch) * shape.height * shape.width;
  NormalizationRows<Type, vector, after> rows{};
  rows.cut = cut_rows(shape.pool ? pixels / 4 : pixels, shape.channels, vector, blocks);
  rows.width = shape.width;
  rows.input = as<Type>(arguments.input);
  rows.parameters = {arguments.statistics.mean, arguments.statistics.variance, arguments.gamma, arguments.beta,
                     shape.epsilon};
  if (after == After::dropout) {
    const CudaStream& stream = *arguments.dropout;
    const IterationBlock* block = context.iterations().block();
    rows.dropout = {{{stream.key[0], stream.key[1]}, stream.stream, stream.iteration, stream.purpose},
                    block != nullptr ? &block->iteration : nullptr,
                    dropout_threshold(shape.dropout),
                    1 / (1 - shape.dropout)};
  }
  return rows;
}

template <typename Finish>
void launch_final(Context& context, const double* partial, Index row_blocks, int channels, const Finish& finish,
                  const char* name) {
  const FinalSums<Finish> sums{partial, row_blocks, channels, finish};
  launch_stages(sums, FinalSums<Finish>::shared_bytes, context.stream(), name);
}

std::size_t partial_bytes(const RowCut& cut) {
  return static_cast<std::size_t>(cut.row_blocks) * cut.channels * 2 * sizeof(double);
}

}  // namespace

namespace {

// Memory that the steps of perturbed images share.
struct PerturbationMemory {
  PerturbationMemory(int batch, int size, int channels)
      : values(static_cast<std::size_t>(batch) * size * size * channels),
        curves(static_cast<std::size_t>(batch) * channels * 256) {}
  std::size_t floats() const { return 4 * values + curves; }
  std::size_t values, curves;
};

Stream kernel_stream(const CudaStream& stream) {
  return {{stream.key[0], stream.key[1]}, stream.stream, stream.iteration, stream.purpose};
}

// scratch: PerturbationMemory::floats() of them.
template <typename Type>
void gather_perturbed(Context& context, const CudaGather& a, const PerturbedImages& images, float* scratch,
                      Type* output) {
  const PerturbationMemory memory(a.batch, a.size, a.channels);
  const Index values = static_cast<Index>(memory.values);
  float* light = scratch;
  float* between = light + memory.values;
  float* noise = between + memory.values;
  float* result = noise + memory.values;
  float* curves = result + memory.values;
  cudaStream_t stream = context.stream();
  launch_threads(PerturbationCurves{static_cast<Index>(memory.curves), images, curves}, stream, "curves of grey levels");
  launch_threads(ResampledImages{values, images, curves, light}, stream, "zoom and shift");
  launch_threads(SmoothedLines{values, images, light, between, true, false}, stream, "blur");
  launch_threads(SmoothedLines{values, images, between, light, false, false}, stream, "blur");
  launch_threads(NoiseField{values, images, kernel_stream(a.correlated_noise), noise}, stream, "noise");
  launch_threads(SmoothedLines{values, images, noise, between, true, true}, stream, "correlated noise");
  launch_threads(SmoothedLines{values, images, between, noise, false, true}, stream, "correlated noise");
  launch_threads(LitImages{values, images, light, noise, kernel_stream(a.white_noise), a.mean, a.scale, result}, stream,
                 "light and noise");
  launch_threads(MixedImages<Type>{values, images, a.batch, result, output}, stream, "mixing of cells");
}

}  // namespace

void gather(Context& context, const CudaGather& arguments, float* output) {
  require(arguments.batch > 0 && arguments.size > 0 && arguments.channels > 0, "a size is not positive");
  const std::size_t image = static_cast<std::size_t>(arguments.size) * arguments.size * arguments.channels;
  const IterationBlock* block = context.iterations().block();
  const std::uint8_t* images = nullptr;
  const std::uint8_t* codes = nullptr;
  const bool perturbed = arguments.perturbations != nullptr;
  require(!perturbed || arguments.channels <= kMostPerturbedChannels, "too many channels to perturb");
  const PerturbationMemory memory(arguments.batch, arguments.size, arguments.channels);
  const std::size_t n = static_cast<std::size_t>(arguments.batch);
  const std::size_t scratch_bytes = perturbed ? memory.floats() * sizeof(float) : 0;
  const std::size_t drawn_bytes = perturbed && block == nullptr ? n * sizeof(CellPerturbation) : 0;
  std::uint8_t* scratch = nullptr;
  if (perturbed || arguments.augmentation != nullptr)
    scratch = static_cast<std::uint8_t*>(context.workspace(scratch_bytes + drawn_bytes + n));
  CellPerturbation* drawn = nullptr;
  if (block == nullptr) {
    images = context.staging().stage(arguments.images, n * image);
    if (perturbed) {
      drawn = reinterpret_cast<CellPerturbation*>(scratch + scratch_bytes);
      context.upload(arguments.perturbations, drawn_bytes, drawn);
    }
    if (arguments.augmentation != nullptr) {
      std::uint8_t* device = scratch + scratch_bytes + drawn_bytes;
      context.upload(arguments.augmentation, n, device);
      codes = device;
    }
  }
  with_type(context, [&](auto type) {
    using Type = decltype(type);
    if (perturbed) {
      const PerturbedImages of{arguments.size, arguments.channels, images, codes, drawn, block};
      gather_perturbed(context, arguments, of, reinterpret_cast<float*>(scratch), as<Type>(output));
      return;
    }
    const Gather<Type> body{static_cast<Index>(arguments.batch) * arguments.size * arguments.size,
                            arguments.size,
                            arguments.channels,
                            images,
                            codes,
                            block,
                            arguments.mean,
                            arguments.scale,
                            as<Type>(output)};
    launch_threads(body, context.stream(), "gather");
  });
  if (block == nullptr) context.staging().used();
}

void batch_statistics(Context& context, Index rows, int channels, const float* values,
                      const BatchStatistics& statistics) {
  with_type(context, [&](auto type) {
    using Type = decltype(type);
    with_vector<Type>(channels, [&](auto size) {
      constexpr int vector = decltype(size)::value;
      const RowCut cut = cut_rows(rows, channels, vector, kSumBlocks);
      double* partial = static_cast<double*>(context.workspace(partial_bytes(cut)));
      const StatisticsSums<Type, vector> sums{cut, as<Type>(values), partial};
      launch_stages(sums, sums.shared(), context.stream(), "batch statistics");
      launch_final(context, partial, cut.row_blocks, channels,
                   StatisticsFinish<Type>{as<Type>(values), static_cast<double>(rows), statistics.mean,
                                          statistics.variance},
                   "batch statistics, second stage");
    });
  });
}

void running_statistics(Context& context, int channels, std::size_t count, float momentum,
                        const BatchStatistics& statistics, float* running_mean, float* running_variance) {
  const RunningStatistics body{channels,
                               static_cast<double>(momentum),
                               static_cast<double>(count) / static_cast<double>(count - 1),
                               statistics.mean,
                               statistics.variance,
                               running_mean,
                               running_variance};
  launch_threads(body, context.stream(), "running statistics");
}

void normalization_forward(Context& context, const NormalizationShape& shape, const CudaNormalization& arguments,
                           float* output) {
  check_shape(shape, arguments);
  with_type(context, [&](auto type) {
    using Type = decltype(type);
    with_vector<Type>(shape.channels, [&](auto size) {
      with_after(shape, [&](auto is) {
        constexpr int vector = decltype(size)::value;
        constexpr After after = decltype(is)::value;
        const NormalizationForward<Type, vector, after> body{
            rows_of<Type, vector, after>(context, shape, arguments, kApplyBlocks), as<Type>(output)};
        launch_blocks(body, context.stream(), "normalization");
      });
    });
  });
}

void normalization_backward(Context& context, const NormalizationShape& shape, const CudaNormalization& arguments,
                            const float* output_gradient, float* input_gradient, float* gamma_gradient,
                            float* beta_gradient) {
  check_shape(shape, arguments);
  with_type(context, [&](auto type) {
    using Type = decltype(type);
    with_vector<Type>(shape.channels, [&](auto size) {
      with_after(shape, [&](auto is) {
        constexpr int vector = decltype(size)::value;
        constexpr After after = decltype(is)::value;
        const auto rows = rows_of<Type, vector, after>(context, shape, arguments, kSumBlocks);
        const std::size_t sums_bytes = partial_bytes(rows.cut), channels = static_cast<std::size_t>(shape.channels);
        double* partial =
            static_cast<double*>(context.workspace(sums_bytes + 2 * channels * sizeof(float)));
        float* z_mean = reinterpret_cast<float*>(reinterpret_cast<std::uint8_t*>(partial) + sums_bytes);
        const NormalizationSums<Type, vector, after> sums{rows, as<Type>(output_gradient), partial};
        launch_stages(sums, sums.shared(), context.stream(), "normalization's sums");
        const double count = static_cast<double>(shape.batch) * shape.height * shape.width;
        launch_final(context, partial, rows.cut.row_blocks, shape.channels,
                     NormalizationFinish{arguments.statistics.variance, static_cast<double>(shape.epsilon), count,
                                         gamma_gradient, beta_gradient, z_mean, z_mean + channels},
                     "normalization's sums, second stage");
        const NormalizationBackward<Type, vector, after> body{
            rows_of<Type, vector, after>(context, shape, arguments, kApplyBlocks), as<Type>(output_gradient), z_mean,
            z_mean + channels, as<Type>(input_gradient)};
        launch_blocks(body, context.stream(), "normalization's gradient");
      });
    });
  });
}

void inference_epilogue(Context& context, Index lines, int width, int channels, const float* input,
                        const InferenceEpilogue& epilogue, bool logits, float* output) {
  const Index pixels = lines * width;
  const auto run = [&](auto type) {
    using Type = decltype(type);
    with_vector<Type>(channels, [&](auto size) {
      constexpr int vector = decltype(size)::value;
      if (epilogue.pool) {
        const Epilogue<Type, vector, true> body{cut_rows(pixels / 4, channels, vector, kApplyBlocks), width,
                                                as<Type>(input), epilogue.scale, epilogue.shift, epilogue.relu,
                                                as<Type>(output)};
        launch_blocks(body, context.stream(), "epilogue with pool");
      } else {
        const Epilogue<Type, vector, false> body{cut_rows(pixels, channels, vector, kApplyBlocks), width,
                                                 as<Type>(input), epilogue.scale, epilogue.shift, epilogue.relu,
                                                 as<Type>(output)};
        launch_blocks(body, context.stream(), "epilogue");
      }
    });
  };
  if (logits) run(float{});
  else with_type(context, run);
}

void softmax(Context& context, int batch, int classes, const float* logits, float* posterior) {
  launch_threads(Softmax{batch, classes, logits, posterior}, context.stream(), "softmax");
}

void softmax_cross_entropy(Context& context, int batch, int classes, const float* logits, const std::int32_t* labels,
                           const float* targets, double* losses, std::int32_t* predicted, float* logits_gradient) {
  const std::size_t n = static_cast<std::size_t>(batch), values = n * static_cast<std::size_t>(classes);
  const IterationBlock* block = context.iterations().block();
  const bool deferred = block != nullptr;
  const std::size_t own = !deferred && targets != nullptr ? values * sizeof(float) : 0;
  std::uint8_t* memory =
      static_cast<std::uint8_t*>(context.workspace(n * (sizeof(double) + 2 * sizeof(std::int32_t)) + own));
  double* device_losses = reinterpret_cast<double*>(memory);
  std::int32_t* device_predicted = reinterpret_cast<std::int32_t*>(device_losses + n);
  float* device_targets = nullptr;
  const std::int32_t* device_labels = deferred ? context.iterations().labels() : nullptr;
  if (!deferred) {
    std::int32_t* target = device_predicted + n;
    context.upload(labels, n * sizeof(std::int32_t), target);
    device_labels = target;
    if (targets != nullptr) {
      device_targets = reinterpret_cast<float*>(target + n);
      context.upload(targets, values * sizeof(float), device_targets);
    }
  }
  with_type(context, [&](auto type) {
    using Type = decltype(type);
    const CrossEntropy<Type> body{batch,
                                  classes,
                                  logits,
                                  device_labels,
                                  device_targets,
                                  block,
                                  device_losses,
                                  device_predicted,
                                  logits_gradient != nullptr ? as<Type>(logits_gradient) : nullptr};
    launch_threads(body, context.stream(), "cross-entropy");
  });
  if (deferred) {
    const BatchResult body{batch, device_losses, device_predicted, device_labels, context.iterations().results()};
    launch_stages(body, BatchResult::shared_bytes, context.stream(), "loss");
    return;
  }
  context.download(device_losses, n * sizeof(double), losses);
  context.download(device_predicted, n * sizeof(std::int32_t), predicted);
}

void update(Context& context, const UpdatePart* parts, std::size_t part_count, const CudaUpdate& arguments) {
  const IterationBlock* block = context.iterations().block();
  const Update body{static_cast<Index>(part_count) * (part_values / 4),
                    parts,
                    arguments.momentum,
                    arguments.caffe_momentum != 0,
                    arguments.learning_rate,
                    block,
                    block != nullptr ? context.iterations().results() : nullptr,
                    arguments.gradient,
                    arguments.parameters,
                    arguments.velocity};
  launch_threads(body, context.stream(), "update");
}

void average(Context& context, std::size_t count, float share, const float* values, float* average) {
  launch_threads(Average{static_cast<Index>(count), share, values, average}, context.stream(), "average");
}

void to_activations(Context& context, const float* source, std::size_t count, float* target) {
  with_type(context, [&](auto type) {
    using Type = decltype(type);
    launch_threads(Convert<float, Type>{static_cast<Index>(count), source, as<Type>(target)}, context.stream(),
                   "conversion");
  });
}

void from_activations(Context& context, const float* source, std::size_t count, float* target) {
  with_type(context, [&](auto type) {
    using Type = decltype(type);
    launch_threads(Convert<Type, float>{static_cast<Index>(count), as<Type>(source), target}, context.stream(),
                   "conversion");
  });
}

void from_bfloat16(Context& context, const void* source, std::size_t count, float* target) {
  launch_threads(
      Convert<BFloat16, float>{static_cast<Index>(count), static_cast<const BFloat16*>(source), target},
      context.stream(), "conversion");
}

void column_sums(Context& context, const float* values, Index rows, Index columns, float* target) {
  with_type(context, [&](auto type) {
    using Type = decltype(type);
    const ColumnSums<Type> body{as<Type>(values), rows, columns, target};
    launch_stages(body, ColumnSums<Type>::shared_bytes, context.stream(), "column sums");
  });
}

void direct_weights(Context& context, const ConvolutionShape& shape, bool reversed, const float* weights,
                    float* target) {
  const DirectWeights body{Index{9} * shape.input_channels * shape.output_channels, shape.input_channels,
                           shape.output_channels, reversed, weights, target};
  launch_threads(body, context.stream(), "direct convolution's weights");
}

void direct_forward(Context& context, const ConvolutionShape& shape, const float* input, const float* weights,
                    float* output) {
  with_type(context, [&](auto type) {
    using Type = decltype(type);
    const auto run = [&](auto size) {
      constexpr int vector = decltype(size)::value;
      using Body = DirectForward<Type, Type, vector>;
      const int groups = (shape.width + Body::pixels - 1) / Body::pixels, packs = shape.output_channels / vector;
      const Body body{static_cast<Index>(shape.batch) * shape.height * groups * packs,
                      shape.height,
                      shape.width,
                      shape.input_channels,
                      shape.output_channels,
                      groups,
                      packs,
                      as<Type>(input),
                      weights,
                      as<Type>(output)};
      launch_threads(body, context.stream(), "direct convolution");
    };
    if (shape.output_channels % 8 == 0) run(Size<8>());
    else run(Size<1>());
  });
}

void direct_weight_gradient(Context& context, const ConvolutionShape& shape, const float* input,
                            const float* output_gradient, float* weight_gradient) {
  with_type(context, [&](auto type) {
    using Type = decltype(type);
    using Body = DirectWeightGradient<Type>;
    const Index lines = static_cast<Index>(shape.batch) * shape.height;
    // A line for each lane of a block where there are no more than these many chunks: a thread adds in a row, and the more
    // chunks the shorter its row.
    constexpr Index most_chunks = 1024;
    const Index chunk_lines = std::max<Index>(Body::lanes, (lines + most_chunks - 1) / most_chunks);
    const Index chunks = (lines + chunk_lines - 1) / chunk_lines;
    const int units = Body::unit_count(shape.input_channels, shape.output_channels);
    const Index columns = Index{9} * shape.input_channels * shape.output_channels;
    float* partial = static_cast<float*>(context.workspace(static_cast<std::size_t>(chunks * columns) * sizeof(float)));
    const Body body{shape.height,
                    shape.width,
                    shape.input_channels,
                    shape.output_channels,
                    lines,
                    chunk_lines,
                    chunks,
                    (units + Body::units - 1) / Body::units,
                    as<Type>(input),
                    as<Type>(output_gradient),
                    partial};
    launch_stages(body, Body::shared_bytes, context.stream(), "direct weight gradient");
    const ColumnSums<float> sums{partial, chunks, columns, weight_gradient};
    launch_stages(sums, ColumnSums<float>::shared_bytes, context.stream(), "direct weight gradient, second stage");
  });
}

}  // namespace deepyeast::cuda
