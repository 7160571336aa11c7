// The table of functions that the library exports: each enters the context's device, calls what does the work, and turns
// exceptions into a status.
#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include <algorithm>
#include <cstdio>
#include <new>
#include <utility>
#include <vector>

#include "abi.h"
#include "context.h"
#include "convolution.h"
#include "dense.h"
#include "operations.h"
#include "recording.h"

#if !defined(DEEPYEAST_VERSION)
#error "DEEPYEAST_VERSION is not defined"
#endif

namespace deepyeast {

// What the handles stand for. The parts of an update are kept: they are the same in every iteration.
struct CudaContext {
  explicit CudaContext(const CudaOptions& options) : context(options) {}
  cuda::Context context;
  std::vector<cuda::UpdatePart> parts;
  cuda::DeviceMemory device_parts;
  std::string text;
};
struct CudaConvolution {
  cuda::ConvolutionLayer layer;
};
struct CudaDense {
  cuda::DenseLayer layer;
};
struct CudaRecording {
  cuda::GraphRecording recording;
};

namespace {

using cuda::check;

struct Failure {
  char code[32] = "";
  char message[1024] = "";
};
thread_local Failure last_failure;

int fail(const char* code, const char* message) noexcept {
  std::snprintf(last_failure.code, sizeof last_failure.code, "%s", code);
  std::snprintf(last_failure.message, sizeof last_failure.message, "%s", message);
  return 1;
}

template <typename Body>
int guarded(const Body& body) noexcept {
  try {
    body();
    return 0;
  } catch (const Error& error) {
    return fail(error.code().c_str(), error.what());
  } catch (const std::bad_alloc&) {
    return fail("out-of-memory", "the host's memory is exhausted");
  } catch (const std::exception& error) {
    return fail("internal", error.what());
  } catch (...) {
    return fail("internal", "an unknown exception in the CUDA library");
  }
}

template <typename Body>
int within(CudaContext* handle, const Body& body) noexcept {
  return guarded([&] {
    handle->context.enter();
    body(handle->context);
  });
}

template <typename Body>
int within(cuda::Context& context, const Body& body) noexcept {
  return guarded([&] {
    context.enter();
    body();
  });
}

const char* error_code() { return last_failure.code; }
const char* error_message() { return last_failure.message; }

int versions(CudaVersions* result) {
  return guarded([&] {
    *result = {};
    // Without a driver the first call fails or says 0; that is an answer, not an error.
    if (cudaDriverGetVersion(&result->driver) != cudaSuccess) {
      cudaGetLastError();
      result->driver = 0;
    }
    check(cudaRuntimeGetVersion(&result->runtime), "cudaRuntimeGetVersion");
    result->cudnn = static_cast<int>(cudnnGetVersion());
    result->cublas = static_cast<int>(cublasLtGetVersion());
  });
}

// Whether the library holds machine code or intermediate code for a device: made for 8.0 and 9.0 and, as intermediate
// code, for everything later, unless it was built for one card only.
bool supported(const cudaDeviceProp& properties) {
#if defined(DEEPYEAST_CUDA_ONLY)
  return properties.major * 10 + properties.minor == DEEPYEAST_CUDA_ONLY;
#else
  return properties.major >= 8;
#endif
}

int devices(CudaDevice* list, int capacity, int free_memory, int* count) {
  return guarded([&] {
    *count = 0;
    check(cudaGetDeviceCount(count), "looking for devices");
    for (int i = 0; i < std::min(*count, capacity); ++i) {
      cudaDeviceProp properties{};
      check(cudaGetDeviceProperties(&properties, i), "cudaGetDeviceProperties");
      CudaDevice& device = list[i];
      device = {};
      std::snprintf(device.name, sizeof device.name, "%.127s", properties.name);
      device.major = properties.major;
      device.minor = properties.minor;
      device.multiprocessors = properties.multiProcessorCount;
      device.memory = properties.totalGlobalMem;
      device.supported = supported(properties) ? 1 : 0;
      if (!free_memory) continue;
      std::size_t free = 0, total = 0;
      // Asking makes a context on the device, which may fail where it is full or taken.
      if (cudaSetDevice(i) == cudaSuccess && cudaMemGetInfo(&free, &total) == cudaSuccess) device.free_memory = free;
      else cudaGetLastError();
    }
  });
}

int create(const CudaOptions* options, CudaContext** context) {
  return guarded([&] {
    int count = 0;
    check(cudaGetDeviceCount(&count), "looking for devices");
    if (options->device < 0 || options->device >= count)
      throw Error("cuda-device-missing", "there is no CUDA device " + std::to_string(options->device) + "; found " +
                                             std::to_string(count));
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, options->device), "cudaGetDeviceProperties");
    if (!supported(properties))
      throw Error("cuda-architecture", std::string(properties.name) + " has compute capability " +
                                           std::to_string(properties.major) + "." + std::to_string(properties.minor) +
                                           ", for which this library was not built");
    *context = new CudaContext(*options);
  });
}

void destroy(CudaContext* context) { delete context; }

const char* description(CudaContext* context) { return context->context.description().c_str(); }

int available_memory(CudaContext* context, size_t* bytes) {
  return within(context, [&](cuda::Context&) { *bytes = cuda::free_memory(); });
}

int allocate(CudaContext* context, size_t floats, float** memory) {
  return within(context, [&](cuda::Context& c) { *memory = c.allocate(floats * sizeof(float)); });
}
int allocate_activations(CudaContext* context, size_t count, float** memory) {
  return within(context, [&](cuda::Context& c) { *memory = c.allocate(count * c.activation_bytes()); });
}
void release(CudaContext* context, float* memory) {
  within(context, [&](cuda::Context& c) { c.release(memory); });
}
int upload(CudaContext* context, const float* host, size_t count, float* device) {
  return within(context, [&](cuda::Context& c) { c.upload(host, count * sizeof(float), device); });
}
int download(CudaContext* context, const float* device, size_t count, float* host) {
  return within(context, [&](cuda::Context& c) { c.download(device, count * sizeof(float), host); });
}
int download_later(CudaContext* context, const float* device, size_t count, float* host) {
  return within(context, [&](cuda::Context& c) { c.downloads().enqueue(device, count * sizeof(float), host); });
}
int finish(CudaContext* context) {
  return within(context, [&](cuda::Context& c) { c.downloads().finish(); });
}

// Converted a stretch at a time, so that the scratch memory stays small.
constexpr std::size_t kStretch = std::size_t{1} << 22;

float* activation_at(cuda::Context& context, const float* activations, std::size_t index) {
  return reinterpret_cast<float*>(reinterpret_cast<std::uintptr_t>(activations) + index * context.activation_bytes());
}

int upload_activations(CudaContext* context, const float* host, size_t count, float* device) {
  return within(context, [&](cuda::Context& c) {
    if (!c.is_bfloat16()) return c.upload(host, count * sizeof(float), device);
    float* scratch = static_cast<float*>(c.workspace(std::min(count, kStretch) * sizeof(float)));
    for (std::size_t first = 0; first < count; first += kStretch) {
      const std::size_t here = std::min(kStretch, count - first);
      c.upload(host + first, here * sizeof(float), scratch);
      cuda::to_activations(c, scratch, here, activation_at(c, device, first));
    }
  });
}
int download_activations(CudaContext* context, const float* device, size_t count, float* host) {
  return within(context, [&](cuda::Context& c) {
    if (!c.is_bfloat16()) return c.download(device, count * sizeof(float), host);
    float* scratch = static_cast<float*>(c.workspace(std::min(count, kStretch) * sizeof(float)));
    for (std::size_t first = 0; first < count; first += kStretch) {
      const std::size_t here = std::min(kStretch, count - first);
      cuda::from_activations(c, activation_at(c, device, first), here, scratch);
      c.download(scratch, here * sizeof(float), host + first);
    }
  });
}
int staging(CudaContext* context, size_t bytes, uint8_t** host) {
  return within(context, [&](cuda::Context& c) { *host = c.staging().next(bytes); });
}

int held(CudaContext* context, uint64_t id, int* answer) {
  return within(context, [&](cuda::Context& c) { *answer = c.training_set().holds(id) ? 1 : 0; });
}
int hold(CudaContext* context, uint64_t id, uint64_t count, size_t image_bytes, int* fits) {
  return within(context, [&](cuda::Context& c) { *fits = c.training_set().reserve(id, count, image_bytes) ? 1 : 0; });
}
int put(CudaContext* context, uint64_t first, size_t number, const uint8_t* images, int last) {
  return within(context, [&](cuda::Context& c) { c.training_set().put(first, number, images, last != 0); });
}

int recording_create(CudaContext* context, CudaRecording** recording) {
  return within(context, [&](cuda::Context& c) { *recording = new CudaRecording{cuda::GraphRecording(c)}; });
}
void recording_destroy(CudaRecording* recording) {
  within(recording->recording.context(), [&] { delete recording; });
}
int recording_begin(CudaRecording* recording, CudaRecordingStep* step) {
  return within(recording->recording.context(), [&] { *step = recording->recording.begin(); });
}
int recording_end(CudaRecording* recording, int failed, int* again) {
  return within(recording->recording.context(), [&] { *again = recording->recording.end(failed != 0) ? 1 : 0; });
}

int begin_iteration(CudaContext* context, const CudaIteration* iteration) {
  return within(context, [&](cuda::Context& c) { c.iterations().begin(*iteration); });
}
int end_iteration(CudaContext* context) {
  return within(context, [&](cuda::Context& c) { c.iterations().end(); });
}
int collect(CudaContext* context, StepResult* results, int capacity, int* count, int* more) {
  return within(context, [&](cuda::Context& c) {
    bool others = false;
    *count = c.iterations().collect(results, capacity, &others);
    *more = others ? 1 : 0;
  });
}

int convolution_create(CudaContext* context, const ConvolutionShape* shape, int training,
                       CudaConvolution** convolution) {
  return within(context, [&](cuda::Context& c) {
    *convolution = new CudaConvolution{cuda::ConvolutionLayer(c, *shape, training != 0)};
  });
}
void convolution_destroy(CudaConvolution* convolution) {
  within(convolution->layer.context(), [&] {
    cudaStreamSynchronize(convolution->layer.context().stream());
    delete convolution;
  });
}
int convolution_set_weights(CudaConvolution* convolution, const float* weights) {
  return within(convolution->layer.context(), [&] { convolution->layer.set_weights(weights); });
}
int convolution_forward(CudaConvolution* convolution, int batch, const float* input, float* output,
                        const BatchStatistics* statistics) {
  return within(convolution->layer.context(), [&] { convolution->layer.forward(batch, input, output, statistics); });
}
int convolution_infer(CudaConvolution* convolution, int batch, const float* input, const InferenceEpilogue* epilogue,
                      float* output) {
  return within(convolution->layer.context(), [&] { convolution->layer.infer(batch, input, *epilogue, output); });
}
int convolution_backward_data(CudaConvolution* convolution, int batch, const float* output_gradient,
                              float* input_gradient) {
  return within(convolution->layer.context(),
                [&] { convolution->layer.backward_data(batch, output_gradient, input_gradient); });
}
int convolution_backward_weights(CudaConvolution* convolution, int batch, const float* input,
                                 const float* output_gradient, float* weight_gradient) {
  return within(convolution->layer.context(),
                [&] { convolution->layer.backward_weights(batch, input, output_gradient, weight_gradient); });
}

int dense_create(CudaContext* context, const DenseShape* shape, int training, CudaDense** dense) {
  return within(context,
                [&](cuda::Context& c) { *dense = new CudaDense{cuda::DenseLayer(c, *shape, training != 0)}; });
}
void dense_destroy(CudaDense* dense) {
  within(dense->layer.context(), [&] {
    cudaStreamSynchronize(dense->layer.context().stream());
    delete dense;
  });
}
int dense_set_weights(CudaDense* dense, const float* weights) {
  return within(dense->layer.context(), [&] { dense->layer.set_weights(weights); });
}
int dense_forward(CudaDense* dense, int batch, const float* input, const float* bias, float* output,
                  const BatchStatistics* statistics) {
  return within(dense->layer.context(), [&] { dense->layer.forward(batch, input, bias, output, statistics); });
}
int dense_infer(CudaDense* dense, int batch, const float* input, const InferenceEpilogue* epilogue, float* output) {
  return within(dense->layer.context(), [&] { dense->layer.infer(batch, input, *epilogue, output); });
}
int dense_backward_data(CudaDense* dense, int batch, const float* output_gradient, float* input_gradient) {
  return within(dense->layer.context(), [&] { dense->layer.backward_data(batch, output_gradient, input_gradient); });
}
int dense_backward_weights(CudaDense* dense, int batch, const float* input, const float* output_gradient,
                           float* weight_gradient, float* bias_gradient) {
  return within(dense->layer.context(), [&] {
    dense->layer.backward_weights(batch, input, output_gradient, weight_gradient, bias_gradient);
  });
}

std::string size_text(const NormalizationShape& shape) {
  return std::to_string(shape.batch) + "x" + std::to_string(shape.height) + "x" + std::to_string(shape.width) + "x" +
         std::to_string(shape.channels) + (shape.pool ? ", pool" : shape.dropout > 0 ? ", dropout" : "");
}

int gather(CudaContext* context, const CudaGather* arguments, float* output) {
  return within(context, [&](cuda::Context& c) {
    c.timed([] { return std::string("gather"); }, [&] { cuda::gather(c, *arguments, output); });
  });
}
int normalization_forward(CudaContext* context, const NormalizationShape* shape, const CudaNormalization* arguments,
                          float* output) {
  return within(context, [&](cuda::Context& c) {
    c.timed([&] { return "normalization " + size_text(*shape); },
            [&] { cuda::normalization_forward(c, *shape, *arguments, output); });
  });
}
int normalization_backward(CudaContext* context, const NormalizationShape* shape, const CudaNormalization* arguments,
                           const float* output_gradient, float* input_gradient, float* gamma_gradient,
                           float* beta_gradient) {
  return within(context, [&](cuda::Context& c) {
    c.timed([&] { return "normalization's gradient " + size_text(*shape); }, [&] {
      cuda::normalization_backward(c, *shape, *arguments, output_gradient, input_gradient, gamma_gradient,
                                   beta_gradient);
    });
  });
}
int running_statistics(CudaContext* context, int channels, size_t count, float momentum,
                       const BatchStatistics* statistics, float* running_mean, float* running_variance) {
  return within(context, [&](cuda::Context& c) {
    c.timed([] { return std::string("running statistics"); }, [&] {
      cuda::running_statistics(c, channels, count, momentum, *statistics, running_mean, running_variance);
    });
  });
}
int softmax(CudaContext* context, int batch, int classes, const float* logits, float* posterior) {
  return within(context, [&](cuda::Context& c) { cuda::softmax(c, batch, classes, logits, posterior); });
}
int softmax_cross_entropy(CudaContext* context, int batch, int classes, const float* logits, const int32_t* labels,
                          const float* targets, double* losses, int32_t* predicted, float* logits_gradient) {
  return within(context, [&](cuda::Context& c) {
    c.timed([] { return std::string("softmax and cross-entropy"); }, [&] {
      cuda::softmax_cross_entropy(c, batch, classes, logits, labels, targets, losses, predicted, logits_gradient);
    });
  });
}

int average(CudaContext* context, size_t count, float share, const float* values, float* average) {
  return within(context, [&](cuda::Context& c) {
    c.timed([] { return std::string("average"); }, [&] { cuda::average(c, count, share, values, average); });
  });
}

bool same(const std::vector<cuda::UpdatePart>& a, const std::vector<cuda::UpdatePart>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
           return x.offset == y.offset && x.count == y.count && x.weight_decay == y.weight_decay;
         });
}

int update(CudaContext* context, const CudaUpdate* arguments) {
  return within(context, [&](cuda::Context& c) {
    std::vector<cuda::UpdatePart> parts;
    for (std::size_t i = 0; i < arguments->range_count; ++i) {
      const CudaUpdateRange& range = arguments->ranges[i];
      for (std::size_t first = 0; first < range.count; first += cuda::part_values) {
        parts.push_back({range.offset + first,
                         static_cast<std::uint32_t>(std::min<std::size_t>(cuda::part_values, range.count - first)),
                         range.weight_decay});
      }
    }
    if (!same(parts, context->parts)) {
      // What was recorded refers to the table of before, which therefore stays.
      const std::size_t bytes = parts.size() * sizeof(cuda::UpdatePart);
      cuda::DeviceMemory memory(bytes, c.stream(), "the table of parameters");
      c.upload(parts.data(), bytes, memory.data());
      c.retire(std::exchange(context->device_parts, std::move(memory)));
      context->parts = std::move(parts);
    }
    c.timed([] { return std::string("update"); }, [&] {
      cuda::update(c, context->device_parts.as<cuda::UpdatePart>(), context->parts.size(), *arguments);
    });
  });
}

int plans(CudaContext* context, const char** text) {
  return within(context, [&](cuda::Context& c) {
    context->text = c.plan_cache().used();
    *text = context->text.c_str();
  });
}
int use_plans(CudaContext* context, const char* text, const char** warning) {
  return within(context, [&](cuda::Context& c) {
    context->text = c.plan_cache().use(text);
    *warning = context->text.c_str();
  });
}
int profile_begin(CudaContext* context) {
  return within(context, [&](cuda::Context& c) { c.profile().begin(); });
}
int profile_end(CudaContext* context, const char** text) {
  return within(context, [&](cuda::Context& c) {
    context->text = c.profile().end();
    *text = context->text.c_str();
  });
}
int elapsed(CudaContext* context, double* milliseconds) {
  return within(context, [&](cuda::Context& c) { *milliseconds = c.profile().elapsed(); });
}
int notes(CudaContext* context, const char** text) {
  return within(context, [&](cuda::Context& c) {
    context->text = c.notes();
    *text = context->text.c_str();
  });
}

// By name: a table filled by position would take two functions of one type in the wrong order without a word.
CudaTable make_table() {
  CudaTable table{};
  table.abi = DEEPYEAST_CUDA_ABI;
  table.version = DEEPYEAST_VERSION;
  table.error_code = error_code;
  table.error_message = error_message;
  table.versions = versions;
  table.devices = devices;
  table.create = create;
  table.destroy = destroy;
  table.description = description;
  table.available_memory = available_memory;
  table.allocate = allocate;
  table.allocate_activations = allocate_activations;
  table.release = release;
  table.upload = upload;
  table.download = download;
  table.download_later = download_later;
  table.finish = finish;
  table.upload_activations = upload_activations;
  table.download_activations = download_activations;
  table.staging = staging;
  table.held = held;
  table.hold = hold;
  table.put = put;
  table.recording_create = recording_create;
  table.recording_destroy = recording_destroy;
  table.recording_begin = recording_begin;
  table.recording_end = recording_end;
  table.begin_iteration = begin_iteration;
  table.end_iteration = end_iteration;
  table.collect = collect;
  table.convolution_create = convolution_create;
  table.convolution_destroy = convolution_destroy;
  table.convolution_set_weights = convolution_set_weights;
  table.convolution_forward = convolution_forward;
  table.convolution_infer = convolution_infer;
  table.convolution_backward_data = convolution_backward_data;
  table.convolution_backward_weights = convolution_backward_weights;
  table.dense_create = dense_create;
  table.dense_destroy = dense_destroy;
  table.dense_set_weights = dense_set_weights;
  table.dense_forward = dense_forward;
  table.dense_infer = dense_infer;
  table.dense_backward_data = dense_backward_data;
  table.dense_backward_weights = dense_backward_weights;
  table.gather = gather;
  table.normalization_forward = normalization_forward;
  table.normalization_backward = normalization_backward;
  table.running_statistics = running_statistics;
  table.softmax = softmax;
  table.softmax_cross_entropy = softmax_cross_entropy;
  table.average = average;
  table.update = update;
  table.plans = plans;
  table.use_plans = use_plans;
  table.profile_begin = profile_begin;
  table.profile_end = profile_end;
  table.elapsed = elapsed;
  table.notes = notes;
  return table;
}

}  // namespace
}  // namespace deepyeast

extern "C" const deepyeast::CudaTable* deepyeast_cuda(void) {
  static const deepyeast::CudaTable table = deepyeast::make_table();
  return &table;
}
