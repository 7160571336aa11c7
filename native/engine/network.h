// A network on a backend, made of its parameters, its training and its inference.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend.h"
#include "inference.h"
#include "layer_operations.h"
#include "parameters.h"
#include "topology.h"
#include "training.h"

namespace deepyeast {

class Network {
 public:
  // draw_weights false: they are 0, for a network whose tensors are set next.
  Network(Topology topology, std::uint64_t seed, std::unique_ptr<Backend> backend, bool draw_weights = true);

  const Topology& topology() const { return topology_; }
  const std::vector<Layer>& layers() const { return layers_; }
  const ParameterLayout& layout() const { return parameters_.layout(); }
  Backend& backend() { return *backend_; }

  // See parameters.h.
  std::vector<float> tensor(const std::string& name) { return parameters_.tensor(name); }
  void set_tensor(const std::string& name, const float* values, std::size_t count) {
    parameters_.set_tensor(name, values, count);
  }
  void fill_tensor(const std::string& name, const Parameters::TensorReader& read) {
    parameters_.fill_tensor(name, read);
  }
  // mean [size, size, channels]; the input is (pixel - mean) * scale.
  void set_input_transform(const float* mean, float scale);

  // Trains on mini-batches, until all are done, `cancelled` is true before one of them, or a loss is not finite, which is
  // then the last of the results. Where memory does not suffice, the error names the batch that would fit.
  std::vector<StepResult> train(const MiniBatches& batches, const std::function<bool()>& cancelled);
  // Sets the running statistics to the mean of those of mini-batches, for weights that no training step has led to. Learning
  // rates, targets and shares do not matter; mini-batches are as many as there are rates.
  void recompute_statistics(const MiniBatches& batches, const std::function<bool()>& cancelled);
  // See parameters.h.
  void swap_average();
  // images [batch, size, size, channels] on the host, labels [batch]. One step of stochastic gradient descent.
  StepResult train_step(const std::uint8_t* images, const std::int32_t* labels, int batch, std::uint32_t iteration,
                        float learning_rate, const Optimizer& optimizer);
  // The same in two halves, so that a device need not wait between iterations: begin_step enqueues one iteration, on
  // `images` (host; may be Backend::staging's) or, where images is null, on `rows` (host) of the images held by the
  // device; it is false when its loss is already known not to be finite. finish_steps waits and returns the results since
  // the last call, up to the first whose loss is not finite; that step's update and later ones did not happen.
  bool begin_step(const std::uint8_t* images, const std::uint32_t* rows, const std::int32_t* labels, int batch,
                  std::uint32_t iteration, float learning_rate, const Optimizer& optimizer);
  std::vector<StepResult> finish_steps() { return training_.finish_steps(); }
  // The gradients of train_step's loss without the update, by parameter name, for tests. Running statistics move.
  StepResult gradients(const std::uint8_t* images, const std::int32_t* labels, int batch, std::uint32_t iteration,
                       const Optimizer& optimizer, std::map<std::string, std::vector<float>>* gradients,
                       std::vector<float>* logits);

  // Inference mode. logits and posterior [batch, classes], either may be null.
  void forward(const std::uint8_t* images, int batch, float* logits, float* posterior);
  // The same for images that `read` fetches in order: read(first, count, target).
  using ImageReader = std::function<void(std::size_t first, int count, std::uint8_t* target)>;
  void forward(const ImageReader& read, std::size_t count, float* logits, float* posterior);
  // Output of one layer, [count, ...activation_shape(layer, stage)].
  void activations(const std::uint8_t* images, int count, const std::string& layer, Stage stage, float* output);
  void activations(const ImageReader& read, std::size_t count, const std::string& layer, Stage stage, float* output);
  // How many images of a long call inference takes at once.
  int inference_batch() const { return inference_.images_at_once(); }

 private:
  void run_inference(const std::string& layer, Stage stage, const InferenceImages& images, float* output);
  template <typename Step>
  auto with_advice_on_memory(int batch, const Step& step);

  const Topology topology_;
  const std::vector<Layer> layers_;
  const std::unique_ptr<Backend> backend_;
  Parameters parameters_;
  LayerOperations operations_;
  Training training_;
  Inference inference_;
};

}  // namespace deepyeast
