// What a network holds between calls: its operations, and the buffers of a training step and of inference. Private to
// network.cc, network_training.cc and network_inference.cc.
#pragma once

#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "network.h"

namespace deepyeast {

// Large batches go through the first convolutions image by image, each image on one thread, as long as an image's
// activations outweigh the weights: what a layer writes is then still in the core's caches when the next one reads it,
// and no thread waits at the end of a layer.
struct ByImage {
  std::size_t layers = 0;       // the first of the network; not all of its convolutions
  std::size_t values = 0;       // of the largest input or output of one image, to a multiple of 16
  std::size_t handed_over = 0;  // values of one image that go to the next layer
};

// One of convolution and dense is set for each layer.
struct Network::Operations {
  int convolution_batch, dense_batch;
  bool training;
  struct Operation {
    std::unique_ptr<Convolution> convolution;
    std::unique_ptr<Dense> dense;
  };
  std::vector<Operation> layers;
};

struct Network::TrainingPlan {
  int batch;
  std::unique_ptr<Buffer> input;
  struct LayerBuffers {
    std::unique_ptr<Buffer> linear;      // before normalization; the last layer's are the logits
    std::unique_ptr<Buffer> output;      // after normalization, ReLU and pool or dropout, where it is kept
    std::unique_ptr<Buffer> statistics;  // mean, then variance
  };
  std::vector<LayerBuffers> layers;
  // Large enough for any layer. The first also holds outputs that are not kept: a layer's output is needed before its
  // gradient, and again after it.
  std::unique_ptr<Buffer> output_gradient, linear_gradient;
  std::unique_ptr<Buffer> gradients;                         // laid out as the parameters
  std::vector<double> losses;
  std::vector<std::int32_t> predicted;
  std::vector<std::uint8_t> augmentation;
  // The iteration as last composed: valid for this batch and optimizer.
  std::unique_ptr<Recording> recording;
  int recorded_batch = 0;
  Optimizer recorded_optimizer;

  BatchStatistics statistics(std::size_t layer, int channels) {
    float* mean = layers[layer].statistics->data();
    return {mean, mean + channels};
  }
};

struct Network::InferencePlan {
  int convolution_batch, dense_batch;
  std::unique_ptr<Buffer> input, even, odd;
  std::unique_ptr<Buffer> features;  // what the convolutions hand to the dense layers
  std::size_t feature_values;        // of one image
  ByImage by_image;
  std::unique_ptr<Buffer> lanes;        // two activations of each lane
  std::unique_ptr<Buffer> handed_over;  // [dense_batch, by_image.handed_over]
  std::unique_ptr<Buffer> logits, posterior;
  // Scale and shift of every layer, one after the other.
  std::unique_ptr<Buffer> epilogues;
  std::vector<std::size_t> epilogue_offsets;
  // By what they run and on how many images: the convolutions by batch, last layer and stage and whether their output
  // goes to the features, the dense layers likewise and by whether the posterior is wanted.
  std::map<std::tuple<LayerKind, int, std::size_t, Stage, bool>, std::unique_ptr<Recording>> recordings;
};
}  // namespace deepyeast
