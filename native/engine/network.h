// A network on a backend: parameters, the forward pass, the training step, and any layer's output.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../system/error.h"
#include "backend.h"
#include "topology.h"

namespace deepyeast {

// Which value of a layer to return (definitions: "A layer's output"): the convolution's or dense layer's own output,
// after normalization, after ReLU (the default), or after the pool.
enum class Stage { linear, normalized, activated, pooled };

struct Optimizer {
  float momentum = 0.9f;
  float weight_decay = 0.0005f;  // on convolution and dense weights only
  bool caffe_momentum = true;
  bool augment = false;          // the eight flips and quarter turns, drawn per cell

  bool operator==(const Optimizer& other) const {
    return momentum == other.momentum && weight_decay == other.weight_decay &&
           caffe_momentum == other.caffe_momentum && augment == other.augment;
  }
};

// Shape of one image's output of a layer: [height, width, channels], or [units] for a dense layer.
// Throws Error("invalid-argument") naming the layers there are.
std::vector<std::size_t> activation_shape(const std::vector<Layer>& layers, const std::string& layer, Stage stage);

class Network {
 public:
  // draw_weights false: they are 0, for a network whose tensors are set next.
  Network(Topology topology, std::uint64_t seed, std::unique_ptr<Backend> backend, bool draw_weights = true);
  ~Network();

  const Topology& topology() const { return topology_; }
  const std::vector<Layer>& layers() const { return layers_; }
  const ParameterLayout& layout() const { return layout_; }
  Backend& backend() { return *backend_; }

  // Names of every tensor of the state: parameters, statistics and, once trained, "velocity/NAME".
  std::vector<float> tensor(const std::string& name);
  void set_tensor(const std::string& name, const float* values, std::size_t count);
  // The same from values that `read` puts in place, piece by piece, perhaps from several threads at once.
  using TensorReader = std::function<void(std::size_t first, std::size_t count, float* target)>;
  void fill_tensor(const std::string& name, const TensorReader& read);

  // mean [size, size, channels]; (pixel - mean) * scale.
  void set_input_transform(const float* mean, float scale);

  // images [batch, size, size, channels] on the host, labels [batch]. One step of stochastic gradient descent.
  StepResult train_step(const std::uint8_t* images, const std::int32_t* labels, int batch, std::uint32_t iteration,
                        float learning_rate, const Optimizer& optimizer);
  // The same in two halves, so that a device need not wait between iterations: begin_step enqueues one iteration, on
  // `images` (host; may be Backend::staging's) or, where images is null, on `rows` (host) of the images held by the
  // device; it is false when its loss is already known not to be finite. finish_steps waits and returns the results since
  // the last call, up to the first whose loss is not finite; that step's update and later ones did not happen.
  bool begin_step(const std::uint8_t* images, const std::uint32_t* rows, const std::int32_t* labels, int batch,
                  std::uint32_t iteration, float learning_rate, const Optimizer& optimizer);
  std::vector<StepResult> finish_steps();
  // The gradients of train_step's loss without the update, by parameter name, for tests. Running statistics move.
  StepResult gradients(const std::uint8_t* images, const std::int32_t* labels, int batch, std::uint32_t iteration,
                       const Optimizer& optimizer, std::map<std::string, std::vector<float>>* gradients,
                       std::vector<float>* logits);

  // Inference mode. logits and posterior [batch, classes], either may be null.
  void forward(const std::uint8_t* images, int batch, float* logits, float* posterior);
  // The same for images that `read` fetches in order: read(first, count, target).
  using ImageReader = std::function<void(std::size_t first, int count, std::uint8_t* target)>;
  void forward(const ImageReader& read, std::size_t count, float* logits, float* posterior);
  // Output of one layer, [batch, ...activation_shape(layer, stage)].
  void activations(const std::uint8_t* images, int batch, const std::string& layer, Stage stage, float* output);

 private:
  struct Operations;      // per-layer convolutions and dense layers, with their prepared weights
  struct TrainingPlan;    // buffers of one training step
  struct InferencePlan;   // buffers of one chunk of inference

  float* parameter(const std::string& name);
  float* find_tensor(const std::string& name, std::size_t* count);
  void require_operations(int convolution_batch, int dense_batch, bool training);
  void prepare_weights();
  void set_weights();
  void prepare_epilogues();
  void plan_training(int batch);
  [[noreturn]] void rethrow_with_advice(int batch);
  void plan_inference(std::size_t count);
  void prepare_step(int batch, std::uint32_t iteration, const Optimizer& optimizer);
  StepResult forward_backward(const std::uint8_t* images, const std::int32_t* labels, int batch,
                              std::uint32_t iteration);
  void update_parameters(float learning_rate, const Optimizer& optimizer);
  void infer_layer(std::size_t layer, int batch, const float* input, std::size_t last_layer, Stage last_stage,
                   float* output);
  Recording& recording_of(LayerKind kind, int batch, std::size_t last_layer, Stage last_stage, bool to_the_end);
  const float* infer_convolutions(const std::uint8_t* images, int count, std::size_t last_layer, Stage last_stage,
                                  float* output);
  const float* infer_convolutions_from(std::size_t first_layer, const float* first_input, int batch,
                                       std::size_t last_layer, Stage last_stage, float* even, float* odd,
                                       float* output);
  void infer_shares(const std::uint8_t* images, int count, std::size_t last_layer, Stage last_stage);
  void infer_first_layers(const std::uint8_t* image, int lane, std::size_t last_layer, Stage last_stage,
                          float* handed_over);
  const float* infer_chunk(const std::uint8_t* images, int count, std::size_t last_layer, Stage last_stage,
                           bool posterior);
  template <typename Consume>
  void infer(const std::uint8_t* images, const ImageReader* read, std::size_t count, std::size_t last_layer,
             Stage last_stage, bool posterior, const Consume& consume);
  bool reduce_batches(const Error& error);
  void forward_all(const std::uint8_t* images, const ImageReader* read, std::size_t count, float* logits,
                   float* posterior);

  Topology topology_;
  std::vector<Layer> layers_;
  ParameterLayout layout_;
  std::map<std::string, std::size_t> specification_by_name_;
  std::uint64_t seed_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Buffer> parameters_, statistics_, velocity_, mean_;
  float scale_ = 1.0f;
  bool weights_changed_ = true;     // since the operations last prepared them
  bool epilogues_changed_ = true;   // parameters or statistics changed since scale and shift were folded
  std::unique_ptr<Operations> operations_;
  std::unique_ptr<TrainingPlan> training_;
  std::unique_ptr<InferencePlan> inference_;
  InferenceBatches inference_batches_;  // the backend's; halved when memory does not suffice
  std::vector<StepResult> finished_;
};

}  // namespace deepyeast
