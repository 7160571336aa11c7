// What a device must be able to do. The engine (network*.cc) composes these operations and knows nothing of where they
// run; cpu/ and cuda/ implement them.
//
// Conventions: activations (inputs and outputs of layers, and their gradients) are channels-last (NHWC); their memory
// comes from Backend::allocate_activations. A device may keep them in another type than float32 behind the same pointer
// type: the engine never looks inside nor adds to such a pointer. Everything else is float32 from Backend::allocate.
// Pointers marked "host" are the caller's. Operations take whole mini-batches. Results never depend on the number of
// threads: sums are cut by shape and their parts are added in a fixed order. The engine calls one backend from one thread
// at a time. Buffers given as different arguments never overlap. An operation may still be running when its call returns;
// what comes back to the host (download, results) waits for it.
//
// A training step is composed of these operations by the engine. An inference pass is handed over as a whole
// (inference_pass.h), since how to take images through the layers depends on the device.
//
// Convolution and Dense are objects because a device prepares per shape: packed or transformed weights, workspace,
// plans. Fusions (statistics with the convolution, normalization with ReLU, pool and dropout) are single calls here so
// that a backend may fuse further behind them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "inference_pass.h"
#include "../system/random.h"
#include "shapes.h"
#include "topology.h"

namespace deepyeast {

// Device memory, zero-filled, released with the object; aligned to at least 64 bytes.
class Buffer {
 public:
  virtual ~Buffer() = default;
  virtual float* data() = 0;
  virtual std::size_t size() const = 0;  // in floats
};

class Convolution {
 public:
  virtual ~Convolution() = default;
  // weights [output, 3, 3, input]; called once after every update, before the operations that use them. They may be read
  // until they are set again.
  virtual void set_weights(const float* weights) = 0;
  // output [batch, height, width, output_channels], linear. statistics null: not wanted.
  virtual void forward(int batch, const float* input, float* output, BatchStatistics* statistics) = 0;
  // output after the epilogue, [batch, height/2, width/2, output_channels] when pooled.
  virtual void infer(int batch, const float* input, const InferenceEpilogue& epilogue, float* output) = 0;
  // input_gradient [batch, height, width, input_channels] = transposed convolution of output_gradient.
  virtual void backward_data(int batch, const float* output_gradient, float* input_gradient) = 0;
  // weight_gradient [output, 3, 3, input], overwritten.
  virtual void backward_weights(int batch, const float* input, const float* output_gradient,
                                float* weight_gradient) = 0;
};

class Dense {
 public:
  virtual ~Dense() = default;
  virtual void set_weights(const float* weights) = 0;  // [outputs, inputs]; as for a convolution
  // output [batch, outputs] = input weights^T (+ bias); bias may be null; statistics as for a convolution.
  virtual void forward(int batch, const float* input, const float* bias, float* output, BatchStatistics* statistics) = 0;
  virtual void infer(int batch, const float* input, const InferenceEpilogue& epilogue, float* output) = 0;
  virtual void backward_data(int batch, const float* output_gradient, float* input_gradient) = 0;
  // weight_gradient [outputs, inputs]; bias_gradient [outputs] or null; both overwritten.
  virtual void backward_weights(int batch, const float* input, const float* output_gradient, float* weight_gradient,
                                float* bias_gradient) = 0;
};

// The dropout mask of (stream, element = cell in batch * units + unit); see random.h.
struct NormalizationArguments {
  const float* input;          // linear output of the layer
  BatchStatistics statistics;  // of this batch
  const float* gamma;
  const float* beta;
  const RandomStream* dropout; // host; null unless shape.dropout > 0
};

// Image bytes to network input: (pixel - mean[y, x, c]) * scale. Augmentation moves raw pixels, then the unmoved mean is
// subtracted. The code of a cell is 0..7: bit 0 mirrors x, bit 1 mirrors y, bit 2 transposes x and y, applied to the
// raw crop in this order (so that 0 is the identity and the eight are the flips and quarter turns).
//
// Perturbations are applied after that and before the mean is subtracted, in the order in which light becomes an image:
//  1. the curve of gain, offset and gamma;
//  2. zoom and shift: the value at (x, y) is that at ((x - m) / zoom + m - shift_x, and so in y), m = (size - 1) / 2, by
//     cubic convolution (Keys 1981, a = -1/2; kernel over 4 x 4 pixels), the outermost pixels repeated;
//  3. blur: a Gaussian cut at ceil(3 sigma), its weights normalized, the outermost pixels repeated;
//  4. the light's gradient: times 1 + gradient_x X + gradient_y Y, where X = (2 x - size + 1) / size and Y likewise;
//  5. noise: white_noise times the variate of the cell's element in the stream of white noise, plus correlated_noise times
//     a field of variates of the other stream, smoothed by a Gaussian on the torus and brought back to variance 1; an
//     element is that of the batch's [batch, size, size, channels], its variate that of shapes.h;
//  6. cut to 0..255, not rounded.
// Then cells 2 i and 2 i + 1 are mixed: each becomes (1 - partner) times itself plus partner times the other, by one weight
// for both; the last cell of an odd batch has none.
struct GatherArguments {
  int batch, size, channels;
  const std::uint8_t* images;           // host, [batch, size, size, channels]
  const std::uint8_t* augmentation;     // host, [batch] codes; null: none
  const float* mean;                    // [size, size, channels]
  float scale;
  const CellPerturbation* perturbations = nullptr;  // host, [batch]; null: none
  const RandomStream* white_noise = nullptr;        // host; needed with perturbations
  const RandomStream* correlated_noise = nullptr;
};

struct UpdateArguments {
  std::size_t count;
  float learning_rate, momentum, weight_decay;
  bool caffe_momentum;   // true: v = m v + lr g, w -= v (Caffe); false: v = m v + g, w -= lr v (PyTorch)
  float* parameters;
  float* velocity;
  const float* gradient;
};

// What differs from one training iteration to the next. Everything is on the host and copied before the call returns,
// except images in memory of Backend::staging.
struct IterationArguments {
  int batch, size, channels;
  const std::uint8_t* images;        // [batch, size, size, channels]; null: `rows` of the images that the device holds
  const std::uint32_t* rows;         // [batch]; null unless images is
  const std::int32_t* labels;        // [batch]
  const std::uint8_t* augmentation;  // [batch] codes as in GatherArguments; null: none
  std::uint32_t iteration;           // of the streams of dropout and noise
  float learning_rate;
  const CellPerturbation* perturbations = nullptr;  // [batch] as in GatherArguments; null: none
  const float* targets = nullptr;    // [batch, classes] as of softmax_cross_entropy; null: the labels
  int classes = 0;
};

// A sequence of operations whose arguments are the same each time, except those of Backend::begin_iteration. A device may
// record and replay it.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void run(const std::function<void()>& operations) { operations(); }
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;             // "cpu"
  virtual std::string description() const = 0;      // "cpu (avx512, 2 threads)"
  virtual int threads() const { return 1; }         // of the host that its operations use at most
  // Whether a training step keeps the input of every layer for the weight gradient, or computes it again from the linear
  // output of the layer before: a quarter less memory for one more pass over the activations.
  virtual bool keeps_activations() const { return true; }

  virtual std::unique_ptr<Buffer> allocate(std::size_t floats) = 0;
  virtual void upload(const float* host, std::size_t count, float* device) = 0;
  // Fills `count` floats by calls of fill(first, count, target), where target is host memory. Where the device's memory is
  // the host's, several threads call it at once.
  virtual void fill(float* device, std::size_t count,
                    const std::function<void(std::size_t first, std::size_t count, float* target)>& fill);
  virtual void download(const float* device, std::size_t count, float* host) = 0;

  // Memory for `count` activations, and their transfer from and to float32.
  virtual std::unique_ptr<Buffer> allocate_activations(std::size_t count) { return allocate(count); }
  virtual void upload_activations(const float* host, std::size_t count, float* device) { upload(host, count, device); }
  virtual void download_activations(const float* device, std::size_t count, float* host) {
    download(device, count, host);
  }
  virtual int activation_bytes() const { return 4; }
  // Bytes that may still be allocated; 0: unknown.
  virtual std::size_t available_memory() const { return 0; }

  // Host memory for the images of the next gather or iteration. The caller fills it and uses it once.
  virtual std::uint8_t* staging(std::size_t bytes) {
    if (staging_.size() < bytes) staging_.resize(bytes);
    return staging_.data();
  }
  // Keeps `count` images of `image_bytes` on the device for IterationArguments::rows, instead of those held before;
  // read(first, number, target) fetches them. False: the device keeps no images, or these do not fit. `id` identifies the
  // set, so that a set that is already there is not fetched again.
  virtual bool hold_images(std::uint64_t /*id*/, std::uint64_t /*count*/, std::size_t /*image_bytes*/,
                           const std::function<void(std::uint64_t, std::size_t, std::uint8_t*)>& /*read*/) {
    return false;
  }

  virtual std::unique_ptr<Recording> recording() { return std::make_unique<Recording>(); }
  // begin_iteration and end_iteration enclose the operations of a training iteration. A device that defers results keeps
  // the losses and predictions of softmax_cross_entropy (whose host arguments stay untouched) until collect(). From the
  // first loss on that is not finite it leaves the parameters unchanged; collect() appends the results up to that one.
  virtual bool defers_results() const { return false; }
  virtual void begin_iteration(const IterationArguments&) {}
  virtual void end_iteration() {}
  virtual void collect(std::vector<StepResult>*) {}

  // Executes the inference passes of the network of these layers. The backend must outlive it.
  virtual std::unique_ptr<InferenceExecutor> inference(const Topology& topology, const std::vector<Layer>& layers) = 0;

  // Which algorithms the device has chosen for its operations, as text for a checkpoint; empty where it has no choice.
  // set_plans makes operations that are prepared later use the same algorithms where they can; where they cannot, it
  // returns a sentence that says so.
  virtual std::string plans() { return {}; }
  virtual std::string set_plans(const std::string& plans) {
    if (plans.empty()) return {};
    return "the checkpoint was computed on another device than this (" + description() +
           "): results will differ by rounding from those of an uninterrupted run";
  }
  // What went other than planned since the backend was made: sentences, one on a line. Empty: nothing did.
  virtual std::string notes() { return {}; }

  // training false: only set_weights and infer (and forward without statistics) will be called.
  virtual std::unique_ptr<Convolution> convolution(const ConvolutionShape& shape, bool training) = 0;
  virtual std::unique_ptr<Dense> dense(const DenseShape& shape, bool training) = 0;

  virtual void gather(const GatherArguments& arguments, float* output) = 0;
  // output: pooled size when shape.pool.
  virtual void normalization_forward(const NormalizationShape& shape, const NormalizationArguments& arguments,
                                     float* output) = 0;
  // output_gradient is with respect to normalization_forward's output; input_gradient with respect to its input, the
  // batch statistics' own dependence included. The ReLU mask and the pool's choice (the first maximum) are recomputed
  // from the input. gamma_gradient and beta_gradient [channels] are overwritten.
  virtual void normalization_backward(const NormalizationShape& shape, const NormalizationArguments& arguments,
                                      const float* output_gradient, float* input_gradient, float* gamma_gradient,
                                      float* beta_gradient) = 0;
  // running = (1 - momentum) * running + momentum * batch, the batch's variance made unbiased: times count / (count - 1),
  // where count is the number of values behind each channel. The default goes by way of the host.
  virtual void update_running_statistics(int channels, std::size_t count, float momentum,
                                         const BatchStatistics& statistics, float* running_mean,
                                         float* running_variance);
  // logits [batch, classes], float32 as is the posterior; posterior rows sum to one; computed against the row's maximum.
  virtual void softmax(int batch, int classes, const float* logits, float* posterior) = 0;
  // losses (host, [batch]): -log softmax[label], natural logarithm; with targets (host, [batch, classes], rows that sum to
  // one; null: none), the sum over classes of target times -log softmax. predicted (host, [batch]): the argmax, ties to the
  // lower class. logits_gradient (activations): of the batch's mean loss; null: not wanted.
  virtual void softmax_cross_entropy(int batch, int classes, const float* logits, const std::int32_t* labels /* host */,
                                     const float* targets, double* losses, std::int32_t* predicted,
                                     float* logits_gradient) = 0;
  // One stochastic gradient descent step over `count` consecutive parameters, decay included: g += decay * w.
  virtual void update(const UpdateArguments& arguments) = 0;
  // The same over several ranges of the same three buffers, with one rate and momentum.
  virtual void update_all(const std::vector<UpdateArguments>& ranges) {
    for (const UpdateArguments& range : ranges) update(range);
  }
  // average += share * (values - average), over `count` floats.
  virtual void average(std::size_t count, float share, const float* values, float* average) = 0;

 private:
  std::vector<std::uint8_t> staging_;
};

}  // namespace deepyeast
