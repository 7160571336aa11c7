#include "cuda_backend.h"

#include <algorithm>

#include "../../system/error.h"
#include "inference_executor.h"

namespace deepyeast {
namespace {

constexpr std::size_t kHeldChunk = 1024;   // images of the training set copied at once
constexpr int kCollected = 256;            // results fetched at once

class Device {
 public:
  Device(const CudaTable& table, const CudaBackendOptions& options) : table_(table) {
    const CudaOptions request{options.device, options.precision,
                              options.cache_folder.empty() ? nullptr : options.cache_folder.c_str()};
    check(table_.create(&request, &context_));
  }
  ~Device() { table_.destroy(context_); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const CudaTable& table() const { return table_; }
  CudaContext* context() const { return context_; }
  void check(int status) const {
    if (status != 0) throw Error(table_.error_code(), table_.error_message());
  }

 private:
  const CudaTable& table_;
  CudaContext* context_ = nullptr;
};

class DeviceBuffer : public Buffer {
 public:
  DeviceBuffer(const Device& device, float* memory, std::size_t size) : device_(device), memory_(memory), size_(size) {}
  ~DeviceBuffer() override { device_.table().release(device_.context(), memory_); }
  float* data() override { return memory_; }
  std::size_t size() const override { return size_; }

 private:
  const Device& device_;
  float* memory_;
  std::size_t size_;
};

class DeviceConvolution : public Convolution {
 public:
  DeviceConvolution(const Device& device, const ConvolutionShape& shape, bool training) : device_(device) {
    device_.check(device_.table().convolution_create(device_.context(), &shape, training, &convolution_));
  }
  ~DeviceConvolution() override { device_.table().convolution_destroy(convolution_); }
  void set_weights(const float* weights) override {
    device_.check(device_.table().convolution_set_weights(convolution_, weights));
  }
  void forward(int batch, const float* input, float* output, BatchStatistics* statistics) override {
    device_.check(device_.table().convolution_forward(convolution_, batch, input, output, statistics));
  }
  void infer(int batch, const float* input, const InferenceEpilogue& epilogue, float* output) override {
    device_.check(device_.table().convolution_infer(convolution_, batch, input, &epilogue, output));
  }
  void backward_data(int batch, const float* output_gradient, float* input_gradient) override {
    device_.check(device_.table().convolution_backward_data(convolution_, batch, output_gradient, input_gradient));
  }
  void backward_weights(int batch, const float* input, const float* output_gradient, float* weight_gradient) override {
    device_.check(
        device_.table().convolution_backward_weights(convolution_, batch, input, output_gradient, weight_gradient));
  }

 private:
  const Device& device_;
  CudaConvolution* convolution_ = nullptr;
};

class DeviceDense : public Dense {
 public:
  DeviceDense(const Device& device, const DenseShape& shape, bool training) : device_(device) {
    device_.check(device_.table().dense_create(device_.context(), &shape, training, &dense_));
  }
  ~DeviceDense() override { device_.table().dense_destroy(dense_); }
  void set_weights(const float* weights) override { device_.check(device_.table().dense_set_weights(dense_, weights)); }
  void forward(int batch, const float* input, const float* bias, float* output, BatchStatistics* statistics) override {
    device_.check(device_.table().dense_forward(dense_, batch, input, bias, output, statistics));
  }
  void infer(int batch, const float* input, const InferenceEpilogue& epilogue, float* output) override {
    device_.check(device_.table().dense_infer(dense_, batch, input, &epilogue, output));
  }
  void backward_data(int batch, const float* output_gradient, float* input_gradient) override {
    device_.check(device_.table().dense_backward_data(dense_, batch, output_gradient, input_gradient));
  }
  void backward_weights(int batch, const float* input, const float* output_gradient, float* weight_gradient,
                        float* bias_gradient) override {
    device_.check(device_.table().dense_backward_weights(dense_, batch, input, output_gradient, weight_gradient,
                                                         bias_gradient));
  }

 private:
  const Device& device_;
  CudaDense* dense_ = nullptr;
};

class DeviceRecording : public Recording {
 public:
  explicit DeviceRecording(const Device& device) : device_(device) {
    device_.check(device_.table().recording_create(device_.context(), &recording_));
  }
  ~DeviceRecording() override { device_.table().recording_destroy(recording_); }
  void run(const std::function<void()>& operations) override {
    CudaRecordingStep step;
    device_.check(device_.table().recording_begin(recording_, &step));
    if (step == cuda_replayed) return;
    int again = 0;
    try {
      operations();
    } catch (...) {
      // While recording, an operation may be refused that runs otherwise.
      device_.check(device_.table().recording_end(recording_, 1, &again));
      if (!again) throw;
      operations();
      return;
    }
    device_.check(device_.table().recording_end(recording_, 0, &again));
    if (again) operations();
  }

 private:
  const Device& device_;
  CudaRecording* recording_ = nullptr;
};

CudaStream stream_of(const RandomStream& stream) {
  return {{stream.key()[0], stream.key()[1]}, stream.stream(), stream.iteration(), stream.purpose()};
}

class TableBackend : public CudaBackend {
 public:
  TableBackend(const CudaTable& table, const CudaBackendOptions& options)
      : device_(table, options), precision_(options.precision) {}

  std::string name() const override { return "cuda"; }
  std::string description() const override { return table().description(context()); }

  std::unique_ptr<Buffer> allocate(std::size_t floats) override {
    float* memory = nullptr;
    device_.check(table().allocate(context(), floats, &memory));
    return std::make_unique<DeviceBuffer>(device_, memory, floats);
  }
  std::unique_ptr<Buffer> allocate_activations(std::size_t count) override {
    float* memory = nullptr;
    device_.check(table().allocate_activations(context(), count, &memory));
    return std::make_unique<DeviceBuffer>(device_, memory, count);
  }
  void upload(const float* host, std::size_t count, float* device) override {
    device_.check(table().upload(context(), host, count, device));
  }
  void download(const float* device, std::size_t count, float* host) override {
    device_.check(table().download(context(), device, count, host));
  }
  void download_later(const float* device, std::size_t count, float* host) override {
    device_.check(table().download_later(context(), device, count, host));
  }
  void finish() override { device_.check(table().finish(context())); }
  void upload_activations(const float* host, std::size_t count, float* device) override {
    device_.check(table().upload_activations(context(), host, count, device));
  }
  void download_activations(const float* device, std::size_t count, float* host) override {
    device_.check(table().download_activations(context(), device, count, host));
  }
  int activation_bytes() const override { return precision_ == cuda_bfloat16 ? 2 : 4; }
  std::size_t available_memory() const override {
    std::size_t bytes = 0;
    return table().available_memory(context(), &bytes) == 0 ? bytes : 0;
  }

  std::uint8_t* staging(std::size_t bytes) override {
    std::uint8_t* host = nullptr;
    device_.check(table().staging(context(), bytes, &host));
    return host;
  }
  bool hold_images(std::uint64_t id, std::uint64_t count, std::size_t image_bytes,
                   const std::function<void(std::uint64_t, std::size_t, std::uint8_t*)>& read) override {
    int answer = 0;
    device_.check(table().held(context(), id, &answer));
    if (answer) return true;
    if (refused_ == id) return false;
    device_.check(table().hold(context(), id, count, image_bytes, &answer));
    if (!answer) {
      refused_ = id;
      return false;
    }
    for (std::uint64_t first = 0; first < count; first += kHeldChunk) {
      const std::size_t number = static_cast<std::size_t>(std::min<std::uint64_t>(kHeldChunk, count - first));
      std::uint8_t* target = staging(number * image_bytes);
      read(first, number, target);
      device_.check(table().put(context(), first, number, target, first + number == count));
    }
    return true;
  }

  std::unique_ptr<Recording> recording() override { return std::make_unique<DeviceRecording>(device_); }
  bool defers_results() const override { return true; }
  void begin_iteration(const IterationArguments& a) override {
    const CudaIteration iteration{a.batch, a.size,         a.channels,  a.images,       a.rows,
                                  a.labels, a.augmentation, a.iteration, a.learning_rate, a.perturbations, a.targets,
                                  a.classes};
    device_.check(table().begin_iteration(context(), &iteration));
  }
  void end_iteration() override { device_.check(table().end_iteration(context())); }
  void collect(std::vector<StepResult>* results) override {
    int more = 1;
    while (more) {
      StepResult fetched[kCollected];
      int count = 0;
      device_.check(table().collect(context(), fetched, kCollected, &count, &more));
      results->insert(results->end(), fetched, fetched + count);
    }
  }

  std::unique_ptr<InferenceExecutor> inference(const Topology& topology, const std::vector<Layer>& layers) override {
    return make_cuda_inference(topology, layers, *this);
  }

  std::unique_ptr<Convolution> convolution(const ConvolutionShape& shape, bool training) override {
    return std::make_unique<DeviceConvolution>(device_, shape, training);
  }
  std::unique_ptr<Dense> dense(const DenseShape& shape, bool training) override {
    return std::make_unique<DeviceDense>(device_, shape, training);
  }

  void gather(const GatherArguments& a, float* output) override {
    const CudaGather arguments{a.batch,
                               a.size,
                               a.channels,
                               a.images,
                               a.augmentation,
                               a.mean,
                               a.scale,
                               a.perturbations,
                               a.white_noise != nullptr ? stream_of(*a.white_noise) : CudaStream{},
                               a.correlated_noise != nullptr ? stream_of(*a.correlated_noise) : CudaStream{}};
    device_.check(table().gather(context(), &arguments, output));
  }
  void normalization_forward(const NormalizationShape& shape, const NormalizationArguments& arguments,
                             float* output) override {
    with_dropout(arguments, [&](const CudaNormalization& request) {
      device_.check(table().normalization_forward(context(), &shape, &request, output));
    });
  }
  void normalization_backward(const NormalizationShape& shape, const NormalizationArguments& arguments,
                              const float* output_gradient, float* input_gradient, float* gamma_gradient,
                              float* beta_gradient) override {
    with_dropout(arguments, [&](const CudaNormalization& request) {
      device_.check(table().normalization_backward(context(), &shape, &request, output_gradient, input_gradient,
                                                   gamma_gradient, beta_gradient));
    });
  }
  void update_running_statistics(int channels, std::size_t count, float momentum, const BatchStatistics& statistics,
                                 float* running_mean, float* running_variance) override {
    device_.check(table().running_statistics(context(), channels, count, momentum, &statistics, running_mean,
                                             running_variance));
  }
  void softmax(int batch, int classes, const float* logits, float* posterior) override {
    device_.check(table().softmax(context(), batch, classes, logits, posterior));
  }
  void softmax_cross_entropy(int batch, int classes, const float* logits, const std::int32_t* labels, const float* targets,
                             double* losses, std::int32_t* predicted, float* logits_gradient) override {
    device_.check(table().softmax_cross_entropy(context(), batch, classes, logits, labels, targets, losses, predicted,
                                                logits_gradient));
  }
  void average(std::size_t count, float share, const float* values, float* average) override {
    device_.check(table().average(context(), count, share, values, average));
  }
  void update(const UpdateArguments& arguments) override { update_all({arguments}); }
  void update_all(const std::vector<UpdateArguments>& ranges) override {
    if (ranges.empty()) return;
    const UpdateArguments& first = ranges.front();
    std::vector<CudaUpdateRange> places;
    for (const UpdateArguments& range : ranges)
      places.push_back({static_cast<std::size_t>(range.parameters - first.parameters), range.count, range.weight_decay});
    const CudaUpdate request{places.data(),  places.size(),    first.learning_rate, first.momentum,
                             first.caffe_momentum, first.parameters, first.velocity,      first.gradient};
    device_.check(table().update(context(), &request));
  }

  std::string plans() override {
    const char* text = "";
    device_.check(table().plans(context(), &text));
    return text;
  }
  std::string set_plans(const std::string& plans) override {
    const char* warning = "";
    device_.check(table().use_plans(context(), plans.c_str(), &warning));
    return warning;
  }

  void profile_begin() override { device_.check(table().profile_begin(context())); }
  std::string profile_end() override {
    const char* text = "";
    device_.check(table().profile_end(context(), &text));
    return text;
  }
  double elapsed() override {
    double milliseconds = 0;
    device_.check(table().elapsed(context(), &milliseconds));
    return milliseconds;
  }
  std::string notes() override {
    const char* text = "";
    device_.check(table().notes(context(), &text));
    return text;
  }

 private:
  const CudaTable& table() const { return device_.table(); }
  CudaContext* context() const { return device_.context(); }

  template <typename Call>
  void with_dropout(const NormalizationArguments& a, const Call& call) {
    CudaStream stream{};
    if (a.dropout != nullptr) stream = stream_of(*a.dropout);
    call(CudaNormalization{a.input, a.statistics, a.gamma, a.beta, a.dropout != nullptr ? &stream : nullptr});
  }

  Device device_;
  CudaPrecision precision_;
  std::uint64_t refused_ = 0;  // the images that did not fit
};

}  // namespace

CudaPrecision cuda_precision(const std::string& name) {
  if (name == "float32") return cuda_float32;
  if (name == "tf32") return cuda_tf32;
  if (name == "bfloat16") return cuda_bfloat16;
  throw Error("invalid-argument", "precision is " + name + "; expected float32, tf32 or bfloat16");
}

std::unique_ptr<CudaBackend> make_cuda_backend(const CudaTable& table, const CudaBackendOptions& options) {
  return std::make_unique<TableBackend>(table, options);
}

}  // namespace deepyeast
