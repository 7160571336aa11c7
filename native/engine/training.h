// The training of a network: forward with the statistics of the batch, backward, update.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend.h"
#include "image_store.h"
#include "layer_operations.h"
#include "parameters.h"
#include "perturbation.h"
#include "topology.h"

namespace deepyeast {

struct Optimizer {
  float momentum = 0.9f;
  float weight_decay = 0.0005f;  // on convolution and dense weights only
  bool caffe_momentum = true;
  bool augment = false;          // the eight flips and quarter turns, drawn per cell
  Perturbations perturbations;

  bool operator==(const Optimizer& other) const {
    return momentum == other.momentum && weight_decay == other.weight_decay &&
           caffe_momentum == other.caffe_momentum && augment == other.augment && perturbations == other.perturbations;
  }
};

// Mini-batches of rows of a store, one after the other: one for each learning rate.
struct MiniBatches {
  const ImageStore& images;
  const std::uint32_t* rows;   // [number of learning rates, batch]
  const std::int32_t* labels;  // of the rows
  int batch;
  const std::vector<double>& learning_rates;
  std::uint32_t first_iteration;  // of the first mini-batch
  Optimizer optimizer;
  const float* targets = nullptr;  // of the rows, [.., classes], instead of the labels in the loss; null: none
  const std::vector<double>* average_shares = nullptr;  // one for each learning rate, see Parameters::average; 0: no step
};

class Training {
 public:
  Training(const Topology& topology, const std::vector<Layer>& layers, std::uint64_t seed, Parameters& parameters,
           LayerOperations& operations, Backend& backend);
  ~Training();

  // See network.h; recompute_statistics leaves everything but the running statistics as it is.
  std::vector<StepResult> run(const MiniBatches& batches, const std::function<bool()>& cancelled);
  bool begin_step(const std::uint8_t* images, const std::uint32_t* rows, const std::int32_t* labels, int batch,
                  std::uint32_t iteration, float learning_rate, const Optimizer& optimizer,
                  const float* targets = nullptr);
  std::vector<StepResult> finish_steps();
  void recompute_statistics(const MiniBatches& batches, const std::function<bool()>& cancelled);
  StepResult gradients(const std::uint8_t* images, const std::int32_t* labels, int batch, std::uint32_t iteration,
                       const Optimizer& optimizer, std::map<std::string, std::vector<float>>* gradients,
                       std::vector<float>* logits);

  // For when what a recorded iteration refers to (operations, input transform) changes.
  void forget_recording();
  // Frees the buffers.
  void release();

 private:
  struct Plan;  // the buffers of an iteration

  template <typename Step>
  void each_batch(const MiniBatches& batches, const std::function<bool()>& cancelled, const Step& step);
  void require_normalizable(int batch) const;
  void plan(int batch);
  void draw_augmentation(int batch, std::uint32_t iteration, const Optimizer& optimizer);
  void mix_targets(const std::int32_t* labels, const float* targets, int batch, bool mixed);
  void prepare_step(const std::int32_t* labels, const float* targets, int batch, std::uint32_t iteration,
                    const Optimizer& optimizer);
  void begin_iteration(const std::uint8_t* images, const std::uint32_t* rows, const std::int32_t* labels, int batch,
                       std::uint32_t iteration, float learning_rate);
  StepResult forward_backward(const std::uint8_t* images, const std::int32_t* labels, int batch,
                              std::uint32_t iteration);
  // statistics_momentum: of the running statistics.
  void forward(const std::uint8_t* images, int batch, std::uint32_t iteration, float statistics_momentum);
  void backward(int batch, std::uint32_t iteration);
  void update_parameters(float learning_rate, const Optimizer& optimizer);

  NormalizationShape normalization_shape(std::size_t layer, int batch) const;
  NormalizationArguments normalization_arguments(std::size_t layer, const RandomStream* dropout);
  RandomStream dropout_stream(std::size_t layer, std::uint32_t iteration) const;
  void normalize(std::size_t layer, int batch, std::uint32_t iteration);
  const float* input_of(std::size_t layer);

  const Topology& topology_;
  const std::vector<Layer>& layers_;
  const std::uint64_t seed_;
  Parameters& parameters_;
  LayerOperations& operations_;
  Backend& backend_;
  std::unique_ptr<Plan> plan_;
  std::vector<StepResult> finished_;  // of a backend that does not defer its results
};

}  // namespace deepyeast
