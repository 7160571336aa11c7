#include "inference_executor.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

namespace deepyeast {
namespace {

// Batch sizes for which inference is prepared: each costs plans, so a chunk between two is computed as the larger.
constexpr int kPreparedBatches[] = {1, 4, 16, 32, 64, 100, 128, 160, 200, 250, 256};
// Large enough to fill a device; small enough that a call of 1,000 images is several chunks, the next of which is read and
// copied while one is computed.
constexpr int kLargestChunk = 256;

int padded_batch(int count) {
  const auto* found = std::lower_bound(std::begin(kPreparedBatches), std::end(kPreparedBatches), count);
  return found == std::end(kPreparedBatches) ? count : *found;
}

class CudaInferenceExecutor : public InferenceExecutor {
 public:
  CudaInferenceExecutor(const Topology& topology, const std::vector<Layer>& layers, CudaBackend& backend)
      : topology_(topology), layers_(layers), backend_(backend) {}

  int images_at_once() const override { return largest_; }
  OperationBatches batches(std::size_t count) const override {
    const int batch = padded_batch(chunk_of(count));
    return {batch, batch};
  }
  void execute(const InferencePass& pass, const InferenceImages& images, const InferenceResults& results) override;
  void release() override { memory_.reset(); }
  bool halve() override {
    if (largest_ < 2) return false;
    backend_.finish();
    release();
    largest_ /= 2;
    return true;
  }

 private:
  struct Memory;

  // Images of the next chunk where `left` are left: chunks are equal, so that one batch size serves them all and none is
  // nearly empty.
  int chunk_of(std::size_t left) const {
    const std::size_t most = static_cast<std::size_t>(largest_);
    const std::size_t chunks = left / most + (left % most > 0 ? 1 : 0);
    return static_cast<int>(left / chunks + (left % chunks > 0 ? 1 : 0));
  }
  void reserve(int batch);
  float* output_of(std::size_t layer);
  Recording& recording_of(const InferencePass& pass, int batch, bool posterior);
  void compute(const InferencePass& pass, const std::uint8_t* pixels, int count, bool posterior);
  void fetch_results(const InferencePass& pass, std::size_t first, int count, const InferenceResults& results);

  const Topology topology_;
  const std::vector<Layer> layers_;
  CudaBackend& backend_;
  int largest_ = kLargestChunk;  // halved when memory does not suffice
  std::unique_ptr<Memory> memory_;
};

struct CudaInferenceExecutor::Memory {
  int batch;
  std::unique_ptr<Buffer> input;
  std::unique_ptr<Buffer> even, odd;  // outputs of layers in turn
  std::unique_ptr<Buffer> logits, posterior;
  // By batch, number of layers, stage and whether the posterior is wanted.
  std::map<std::tuple<int, std::size_t, Stage, bool>, std::unique_ptr<Recording>> recordings;
};

void CudaInferenceExecutor::reserve(int batch) {
  if (memory_ && memory_->batch >= batch) return;
  memory_.reset();
  auto memory = std::make_unique<Memory>();
  memory->batch = batch;
  const std::size_t images = static_cast<std::size_t>(batch);
  memory->input = backend_.allocate_activations(images * image_values(topology_));
  // Room for any layer before its pool, since an analysis may ask for that.
  std::size_t largest = 0;
  for (const Layer& layer : layers_)
    if (layer.normalized) largest = std::max(largest, linear_values(layer));
  memory->even = backend_.allocate_activations(images * largest);
  memory->odd = backend_.allocate_activations(images * largest);
  memory->logits = backend_.allocate(images * static_cast<std::size_t>(topology_.classes));
  memory->posterior = backend_.allocate(images * static_cast<std::size_t>(topology_.classes));
  memory_ = std::move(memory);
}

float* CudaInferenceExecutor::output_of(std::size_t layer) {
  return (!layers_[layer].normalized ? memory_->logits : layer % 2 == 0 ? memory_->even : memory_->odd)->data();
}

Recording& CudaInferenceExecutor::recording_of(const InferencePass& pass, int batch, bool posterior) {
  auto& recording = memory_->recordings[{batch, pass.layers.size(), pass.stage, posterior}];
  if (!recording) recording = backend_.recording();
  return *recording;
}

void CudaInferenceExecutor::compute(const InferencePass& pass, const std::uint8_t* pixels, int count, bool posterior) {
  backend_.gather({count, topology_.image_size, topology_.channels, pixels, nullptr, pass.mean, pass.scale},
                  memory_->input->data());
  const int batch = padded_batch(count);
  recording_of(pass, batch, posterior).run([&] {
    const float* input = memory_->input->data();
    for (std::size_t i = 0; i < pass.layers.size(); ++i) {
      const InferenceLayer& layer = pass.layers[i];
      if (layer.convolution) layer.convolution->infer(batch, input, layer.epilogue, output_of(i));
      else layer.dense->infer(batch, input, layer.epilogue, output_of(i));
      input = output_of(i);
    }
    if (posterior) backend_.softmax(batch, topology_.classes, input, memory_->posterior->data());
  });
}

void CudaInferenceExecutor::fetch_results(const InferencePass& pass, std::size_t first, int count,
                                          const InferenceResults& results) {
  const std::size_t index = pass.layers.size() - 1, images = static_cast<std::size_t>(count);
  const Layer& last = layers_[index];
  const std::size_t values = pass.layers.back().epilogue.pool ? output_values(last) : linear_values(last);
  if (results.output && last.normalized)
    backend_.download_activations(output_of(index), images * values, results.output + first * values);
  if (results.output && !last.normalized)
    backend_.download_later(output_of(index), images * values, results.output + first * values);
  if (results.posterior)
    backend_.download_later(memory_->posterior->data(), images * values, results.posterior + first * values);
}

void CudaInferenceExecutor::execute(const InferencePass& pass, const InferenceImages& images,
                                    const InferenceResults& results) {
  // Whatever happens, no copy into the caller's arrays is left under way.
  struct Finish {
    CudaBackend& backend;
    ~Finish() {
      try {
        backend.finish();
      } catch (...) {
        // The failure that brought us here, or one that the next call meets again.
      }
    }
  } finish{backend_};
  const std::size_t bytes = image_values(topology_);
  for (std::size_t first = 0; first < images.count;) {
    const int count = chunk_of(images.count - first);
    reserve(padded_batch(count));
    const std::uint8_t* pixels;
    if (images.pixels != nullptr) {
      pixels = images.pixels + first * bytes;
    } else {
      std::uint8_t* target = backend_.staging(static_cast<std::size_t>(count) * bytes);
      images.read(first, count, target);
      pixels = target;
    }
    compute(pass, pixels, count, results.posterior != nullptr);
    fetch_results(pass, first, count, results);
    first += static_cast<std::size_t>(count);
  }
  backend_.finish();
}

}  // namespace

std::unique_ptr<InferenceExecutor> make_cuda_inference(const Topology& topology, const std::vector<Layer>& layers,
                                                       CudaBackend& backend) {
  return std::make_unique<CudaInferenceExecutor>(topology, layers, backend);
}

}  // namespace deepyeast
