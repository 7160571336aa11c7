#include "device.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../../cuda/staging.h"

namespace deepyeast {
namespace {

// In the order in which it was enqueued: of a device's streams none is further behind than this.
struct Queue {
  std::deque<std::function<void()>> work;
  std::string log;

  void run_one() {
    const std::function<void()> next = std::move(work.front());
    work.pop_front();
    next();
  }
  void run_all() {
    while (!work.empty()) run_one();
  }
  void note(const std::string& what) { log += what + "\n"; }
};

class FakeSlot {
 public:
  explicit FakeSlot(const std::shared_ptr<Queue>& queue) : queue_(queue) {}
  std::size_t size() const { return host_.size(); }
  std::uint8_t* host() { return host_.data(); }
  const std::uint8_t* device() const { return device_.data(); }
  void resize(std::size_t bytes) {
    host_.resize(bytes);
    device_.resize(bytes);
  }
  void copy(std::size_t bytes) {
    queue_->note("copy " + std::to_string(bytes));
    copying_ = true;
    queue_->work.push_back([this, bytes] {
      std::copy_n(host_.begin(), bytes, device_.begin());
      copying_ = false;
    });
  }
  void mark_used() {
    using_ = true;
    queue_->work.push_back([this] { using_ = false; });
  }
  void on_host_wait_for_copy() {
    if (copying_) queue_->note("wait for a copy");
    while (copying_) queue_->run_one();
  }
  void on_host_wait_for_use() {
    if (using_) queue_->note("wait for computing");
    while (using_) queue_->run_one();
  }

 private:
  std::shared_ptr<Queue> queue_;
  std::vector<std::uint8_t> host_, device_;
  bool copying_ = false, using_ = false;
};

}  // namespace

struct CudaContext {
  std::shared_ptr<Queue> queue = std::make_shared<Queue>();
  cuda::Staging<FakeSlot> staging{queue};
  std::map<float*, std::vector<float>> buffers;
  std::size_t free = 0;  // floats
};

struct CudaConvolution {
  CudaContext* context;
  ConvolutionShape shape;
};

struct CudaDense {
  CudaContext* context;
  DenseShape shape;
};

struct CudaRecording {
  CudaContext* context;
};

namespace {

bool exhausted = false;

int create(const CudaOptions*, CudaContext** context) {
  *context = new CudaContext;
  const char* settings = std::getenv("DEEPYEAST_FAKE_CUDA");
  const char* memory = settings != nullptr ? std::strstr(settings, "memory=") : nullptr;
  (*context)->free = memory != nullptr ? std::strtoull(memory + 7, nullptr, 10) : ~std::size_t{0};
  return 0;
}

void destroy(CudaContext* context) { delete context; }

const char* description(CudaContext*) { return "fake"; }

int available_memory(CudaContext*, std::size_t* bytes) {
  *bytes = std::size_t{1} << 30;
  return 0;
}

int allocate(CudaContext* context, std::size_t count, float** memory) {
  exhausted = count > context->free;
  if (exhausted) {
    context->queue->note("out of memory");
    return 1;
  }
  context->free -= count;
  std::vector<float> values(std::max<std::size_t>(count, 1));
  *memory = values.data();
  context->buffers[*memory] = std::move(values);
  return 0;
}

void release(CudaContext* context, float* memory) {
  context->queue->run_all();
  if (context->buffers.count(memory) == 0) return;
  context->free += context->buffers[memory].size();
  context->buffers.erase(memory);
}

int upload(CudaContext* context, const float* host, std::size_t count, float* device) {
  context->queue->run_all();
  std::copy_n(host, count, device);
  return 0;
}

int download(CudaContext* context, const float* device, std::size_t count, float* host) {
  context->queue->run_all();
  std::copy_n(device, count, host);
  return 0;
}

int download_later(CudaContext* context, const float* device, std::size_t count, float* host) {
  context->queue->work.push_back([=] { std::copy_n(device, count, host); });
  return 0;
}

int finish(CudaContext* context) {
  if (!context->queue->work.empty()) context->queue->note("finish");
  context->queue->run_all();
  return 0;
}

int staging(CudaContext* context, std::size_t bytes, std::uint8_t** host) {
  *host = context->staging.next(bytes);
  return 0;
}

int gather(CudaContext* context, const CudaGather* arguments, float* output) {
  const std::size_t image = static_cast<std::size_t>(arguments->size) * arguments->size * arguments->channels;
  const std::size_t batch = static_cast<std::size_t>(arguments->batch);
  const std::uint8_t* images = context->staging.stage(arguments->images, batch * image);
  context->queue->note("gather " + std::to_string(batch));
  context->queue->work.push_back([=] {
    for (std::size_t i = 0; i < batch; ++i) {
      const std::uint8_t* bytes = images + i * image;
      output[i * image] = static_cast<float>(bytes[0] + 256 * bytes[1] + 65536 * bytes[2]);
    }
  });
  context->staging.used();
  return 0;
}

void hand_on(CudaContext* context, int batch, const float* input, std::size_t inputs, float* output, std::size_t outputs) {
  context->queue->work.push_back([=] {
    for (std::size_t i = 0; i < static_cast<std::size_t>(batch); ++i) output[i * outputs] = input[i * inputs];
  });
}

int convolution_create(CudaContext* context, const ConvolutionShape* shape, int, CudaConvolution** convolution) {
  *convolution = new CudaConvolution{context, *shape};
  return 0;
}
void convolution_destroy(CudaConvolution* convolution) { delete convolution; }
int convolution_set_weights(CudaConvolution*, const float*) { return 0; }
int convolution_infer(CudaConvolution* convolution, int batch, const float* input, const InferenceEpilogue* epilogue,
                      float* output) {
  const ConvolutionShape& shape = convolution->shape;
  const std::size_t pixels = static_cast<std::size_t>(shape.height) * shape.width;
  const std::size_t inputs = static_cast<std::size_t>(shape.input_channels);
  const std::size_t outputs = static_cast<std::size_t>(shape.output_channels);
  hand_on(convolution->context, batch, input, pixels * inputs, output, pixels * outputs / (epilogue->pool ? 4 : 1));
  return 0;
}

int dense_create(CudaContext* context, const DenseShape* shape, int, CudaDense** dense) {
  *dense = new CudaDense{context, *shape};
  return 0;
}
void dense_destroy(CudaDense* dense) { delete dense; }
int dense_set_weights(CudaDense*, const float*) { return 0; }
int dense_infer(CudaDense* dense, int batch, const float* input, const InferenceEpilogue*, float* output) {
  hand_on(dense->context, batch, input, static_cast<std::size_t>(dense->shape.inputs), output,
          static_cast<std::size_t>(dense->shape.outputs));
  return 0;
}

int softmax(CudaContext* context, int batch, int classes, const float* logits, float* posterior) {
  context->queue->note("compute " + std::to_string(batch));
  hand_on(context, batch, logits, static_cast<std::size_t>(classes), posterior, static_cast<std::size_t>(classes));
  return 0;
}

int recording_create(CudaContext* context, CudaRecording** recording) {
  *recording = new CudaRecording{context};
  return 0;
}
void recording_destroy(CudaRecording* recording) { delete recording; }
int recording_begin(CudaRecording*, CudaRecordingStep* step) {
  *step = cuda_run;
  return 0;
}
int recording_end(CudaRecording*, int, int* again) {
  *again = 0;
  return 0;
}

int notes(CudaContext* context, const char** text) {
  *text = context->queue->log.c_str();
  return 0;
}

}  // namespace

bool fake_memory_was_exhausted() { return exhausted; }

void add_fake_device(CudaTable* table) {
  table->create = create;
  table->destroy = destroy;
  table->description = description;
  table->available_memory = available_memory;
  table->allocate = allocate;
  table->allocate_activations = allocate;
  table->release = release;
  table->upload = upload;
  table->download = download;
  table->download_later = download_later;
  table->finish = finish;
  table->upload_activations = upload;
  table->download_activations = download;
  table->staging = staging;
  table->recording_create = recording_create;
  table->recording_destroy = recording_destroy;
  table->recording_begin = recording_begin;
  table->recording_end = recording_end;
  table->convolution_create = convolution_create;
  table->convolution_destroy = convolution_destroy;
  table->convolution_set_weights = convolution_set_weights;
  table->convolution_infer = convolution_infer;
  table->dense_create = dense_create;
  table->dense_destroy = dense_destroy;
  table->dense_set_weights = dense_set_weights;
  table->dense_infer = dense_infer;
  table->gather = gather;
  table->softmax = softmax;
  table->notes = notes;
}

}  // namespace deepyeast
