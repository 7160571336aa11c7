// Images go through the dense layers up to 128 at a time, since the weights of these are as large as the activations of a
// hundred images. They go through the convolutions before in one of two ways:
//
// In groups, one after the other, each small enough that what one layer writes is still in a cache when the next layer
// reads it. All threads work on the same layer of the same group.
//
// In shares, where there are enough images: each thread takes some images through all convolutions by itself, so that it
// need not wait for the slowest thread at the end of every layer; a thread that finds no share left helps others with
// theirs (lane.h). Through the first layers, as long as an image's activations outweigh the weights, a share goes image
// by image: what a layer writes is then still in the core's own caches when the next layer reads it.
//
// The values of an image are the same either way.
#include "inference_executor.h"

#include <algorithm>
#include <cstring>

#include "cpu_convolution.h"
#include "memory.h"
#include "operations.h"

namespace deepyeast {

namespace {

constexpr int kImagesOfDenseLayers = 128;
constexpr int kImagesOfLane = 16;    // at least, for a batch to be cut into shares
constexpr int kImagesOfShare = 20;   // at most: larger shares read the weights less often, but gain nothing measurable
constexpr int kImagesUnderWay = 64;  // at most, in all shares together: what bounds their memory

// How shares are cut, for one network and number of threads.
struct Shares {
  int images = 0;                      // of a share, at most; 0: there are no shares
  std::size_t first_layers = 0;        // how many layers a share goes through image by image; not all convolutions
  std::size_t first_layer_values = 0;  // of the largest input or output of one image there, to a multiple of 16
  std::size_t handed_over = 0;         // values of one image that go on to the other convolutions
  std::size_t values = 0;              // of a share's largest output of these
};

Shares plan_shares(const Topology& topology, const std::vector<Layer>& layers, int threads) {
  Shares result;
  if (kImagesOfDenseLayers < kImagesOfLane * threads) return result;  // no chunk of images would be cut
  std::size_t i = 0, input = image_values(topology);
  for (; layers[i + 1].kind == LayerKind::convolution; ++i) {
    const std::size_t output = output_values(layers[i]);
    if (input + output < std::size_t{9} * layers[i].input_channels * layers[i].output_channels) break;
    result.first_layer_values = std::max({result.first_layer_values, input, output});
    result.handed_over = input = output;
  }
  if (i == 0) return result;
  result.first_layers = i;
  result.first_layer_values = (result.first_layer_values + 15) / 16 * 16;
  result.images = std::clamp(kImagesUnderWay / threads, kImagesOfLane / 2, kImagesOfShare);
  for (; layers[i].kind == LayerKind::convolution; ++i)
    result.values = std::max(result.values, result.images * output_values(layers[i]));
  return result;
}

class CpuInferenceExecutor : public InferenceExecutor {
 public:
  CpuInferenceExecutor(const Topology& topology, const std::vector<Layer>& layers, CpuContext& context)
      : size_(topology.image_size), channels_(topology.channels), classes_(topology.classes), layers_(layers),
        context_(context),
        // Enough that the weights, which no cache holds either, are read for several images; no more than a few dozen
        // megabytes of activations.
        group_(std::max(16, 2 * context.threads())), shares_(plan_shares(topology, layers, context.threads())),
        image_values_(image_values(topology)) {}

  int images_at_once() const override { return kImagesOfDenseLayers; }
  OperationBatches batches(std::size_t) const override {
    return {std::max(group_, shares_.images), kImagesOfDenseLayers};
  }
  void execute(const InferencePass& pass, const InferenceImages& images, const InferenceResults& results) override;
  void release() override { memory_.reset(); }

 private:
  struct Memory;

  // What a call of a thread's layers reads and writes: activations go from one buffer to the other.
  struct Buffers {
    float *even, *odd;
    float* of(std::size_t layer) const { return layer % 2 == 0 ? even : odd; }
  };

  void reserve();
  Buffers buffers();
  const std::uint8_t* fetch(const InferenceImages& images, std::size_t first, int count);
  void gather_images(const InferencePass& pass, const std::uint8_t* pixels, int count, float* output);

  const float* convolve(const InferencePass& pass, std::size_t first_layer, const float* input, int count,
                        Buffers buffers, float* output);
  const float* convolve_group(const InferencePass& pass, const std::uint8_t* pixels, int count, float* output);
  void convolve_shares(const InferencePass& pass, const std::uint8_t* pixels, int count);
  void convolve_first_layers(const InferencePass& pass, const std::uint8_t* pixels, int slot, float* output);
  void compute_features(const InferencePass& pass, const std::uint8_t* pixels, int count);
  const float* compute_dense_layers(const InferencePass& pass, int count);

  const int size_, channels_, classes_;
  const std::vector<Layer> layers_;
  CpuContext& context_;
  const int group_;  // images that go through the convolutions together where there are no shares
  const Shares shares_;
  const std::size_t image_values_;
  std::unique_ptr<Memory> memory_;
};

struct CpuInferenceExecutor::Memory {
  std::vector<std::uint8_t> pixels;  // fetched images
  AlignedMemory input;               // [group, image]
  AlignedMemory even, odd;           // outputs of layers in turn; cut into the threads' parts by shares
  AlignedMemory features;            // [128, values], from the convolutions to the dense layers
  std::size_t feature_values = 0;    // of one image
  AlignedMemory first_layers;        // two activations of one image for each thread
  AlignedMemory handed_over;         // [threads, images of a share, values]
  AlignedMemory logits;              // [128, classes]
};

void CpuInferenceExecutor::reserve() {
  if (memory_) return;
  auto memory = std::make_unique<Memory>();
  const std::size_t images = static_cast<std::size_t>(group_);
  memory->input = AlignedMemory(images * image_values_);
  // Room for any layer before its pool, since an analysis may ask for that.
  std::size_t largest = 0;
  for (const Layer& layer : layers_) {
    const bool convolution = layer.kind == LayerKind::convolution;
    if (layer.normalized)
      largest = std::max(largest, (convolution ? images : kImagesOfDenseLayers) * linear_values(layer));
    if (convolution) memory->feature_values = output_values(layer);
  }
  if (shares_.images > 0) {
    const std::size_t threads = static_cast<std::size_t>(context_.threads());
    memory->first_layers = AlignedMemory(2 * threads * shares_.first_layer_values);
    memory->handed_over = AlignedMemory(threads * shares_.images * shares_.handed_over);
    largest = std::max(largest, threads * shares_.values);
  }
  memory->even = AlignedMemory(largest);
  memory->odd = AlignedMemory(largest);
  memory->features = AlignedMemory(kImagesOfDenseLayers * memory->feature_values);
  memory->logits = AlignedMemory(kImagesOfDenseLayers * static_cast<std::size_t>(classes_));
  memory_ = std::move(memory);
}

CpuInferenceExecutor::Buffers CpuInferenceExecutor::buffers() { return {memory_->even.data(), memory_->odd.data()}; }

const std::uint8_t* CpuInferenceExecutor::fetch(const InferenceImages& images, std::size_t first, int count) {
  if (images.pixels != nullptr) return images.pixels + first * image_values_;
  memory_->pixels.resize(std::max(memory_->pixels.size(), static_cast<std::size_t>(count) * image_values_));
  images.read(first, count, memory_->pixels.data());
  return memory_->pixels.data();
}

void CpuInferenceExecutor::gather_images(const InferencePass& pass, const std::uint8_t* pixels, int count,
                                         float* output) {
  gather(context_, {count, size_, channels_, pixels, nullptr, pass.mean, pass.scale}, output);
}

// The convolutions from first_layer on, in the given buffers. The last one's output goes to `output` or, if that is null,
// stays in a buffer. Returns where it is.
const float* CpuInferenceExecutor::convolve(const InferencePass& pass, std::size_t first_layer, const float* input,
                                            int count, Buffers buffers, float* output) {
  for (std::size_t i = first_layer; i < pass.layers.size() && pass.layers[i].convolution; ++i) {
    const bool last = i + 1 == pass.layers.size() || !pass.layers[i + 1].convolution;
    float* const target = last && output ? output : buffers.of(i);
    pass.layers[i].convolution->infer(count, input, pass.layers[i].epilogue, target);
    input = target;
  }
  return input;
}

const float* CpuInferenceExecutor::convolve_group(const InferencePass& pass, const std::uint8_t* pixels, int count,
                                                  float* output) {
  gather_images(pass, pixels, count, memory_->input.data());
  return convolve(pass, 0, memory_->input.data(), count, buffers(), output);
}

// The first layers of one image, whose output goes to `output`.
void CpuInferenceExecutor::convolve_first_layers(const InferencePass& pass, const std::uint8_t* pixels, int slot,
                                                 float* output) {
  float* const own = memory_->first_layers.data() + 2 * static_cast<std::size_t>(slot) * shares_.first_layer_values;
  const Buffers buffers = {own, own + shares_.first_layer_values};
  gather_images(pass, pixels, 1, buffers.odd);
  const float* input = buffers.odd;
  for (std::size_t i = 0; i < shares_.first_layers; ++i) {
    float* const target = i + 1 == shares_.first_layers ? output : buffers.of(i);
    pass.layers[i].convolution->infer(1, input, pass.layers[i].epilogue, target);
    input = target;
  }
}

// The convolutions of `count` images, in shares of nearly equal size, as many for each thread.
void CpuInferenceExecutor::convolve_shares(const InferencePass& pass, const std::uint8_t* pixels, int count) {
  for (const InferenceLayer& layer : pass.layers)
    if (layer.convolution) static_cast<CpuConvolution&>(*layer.convolution).prepare_for_shares();

  const int at_once = shares_.images * context_.threads();
  const std::size_t images = static_cast<std::size_t>(count);
  const std::size_t shares = static_cast<std::size_t>((count + at_once - 1) / at_once * context_.threads());
  context_.each_share(shares, [&](std::size_t share, int slot) {
    const std::size_t first = images * share / shares, here = images * (share + 1) / shares - first;
    float* const handed_over =
        memory_->handed_over.data() + static_cast<std::size_t>(slot) * shares_.images * shares_.handed_over;
    context_.each_alone(here, [&](std::size_t image, int slot_of_image) {
      convolve_first_layers(pass, pixels + (first + image) * image_values_, slot_of_image,
                            handed_over + image * shares_.handed_over);
    });
    const std::size_t own = static_cast<std::size_t>(slot) * shares_.values;
    convolve(pass, shares_.first_layers, handed_over, static_cast<int>(here),
             {memory_->even.data() + own, memory_->odd.data() + own},
             memory_->features.data() + first * memory_->feature_values);
  });
}

// All convolutions, for at most as many images as go through the dense layers together.
void CpuInferenceExecutor::compute_features(const InferencePass& pass, const std::uint8_t* pixels, int count) {
  if (shares_.images > 0 && count >= kImagesOfLane * context_.threads()) {
    convolve_shares(pass, pixels, count);
    return;
  }
  for (int start = 0; start < count; start += group_) {
    const std::size_t first = static_cast<std::size_t>(start);
    convolve_group(pass, pixels + first * image_values_, std::min(group_, count - start),
                   memory_->features.data() + first * memory_->feature_values);
  }
}

const float* CpuInferenceExecutor::compute_dense_layers(const InferencePass& pass, int count) {
  const float* input = memory_->features.data();
  for (std::size_t i = 0; i < pass.layers.size(); ++i) {
    if (!pass.layers[i].dense) continue;
    float* const target = i + 1 == layers_.size() ? memory_->logits.data() : buffers().of(i);
    pass.layers[i].dense->infer(count, input, pass.layers[i].epilogue, target);
    input = target;
  }
  return input;
}

void CpuInferenceExecutor::execute(const InferencePass& pass, const InferenceImages& images,
                                   const InferenceResults& results) {
  reserve();
  const Layer& last = layers_[pass.layers.size() - 1];
  const bool dense = last.kind == LayerKind::dense;
  const std::size_t values = pass.layers.back().epilogue.pool ? output_values(last) : linear_values(last);
  const std::size_t most = static_cast<std::size_t>(dense ? kImagesOfDenseLayers : group_);
  for (std::size_t first = 0; first < images.count; first += most) {
    const int count = static_cast<int>(std::min(most, images.count - first));
    const std::uint8_t* pixels = fetch(images, first, count);
    const float* output;
    if (dense) {
      compute_features(pass, pixels, count);
      output = compute_dense_layers(pass, count);
    } else {
      output = convolve_group(pass, pixels, count, nullptr);
    }
    if (results.output) std::copy_n(output, static_cast<std::size_t>(count) * values, results.output + first * values);
    if (results.posterior) softmax(count, classes_, output, results.posterior + first * classes_);
  }
}

}  // namespace

std::unique_ptr<InferenceExecutor> make_cpu_inference(const Topology& topology, const std::vector<Layer>& layers,
                                                      CpuContext& context) {
  return std::make_unique<CpuInferenceExecutor>(topology, layers, context);
}

}  // namespace deepyeast
