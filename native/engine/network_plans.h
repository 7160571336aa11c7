// What a network holds between calls: its operations, and the buffers of a training step and of inference. Private to
// network.cc, network_training.cc and network_inference.cc.
#pragma once

#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "network.h"

namespace deepyeast {

// Large batches go through the convolutions in shares of some images, each on one thread, so that all threads need not
// wait for the slowest at the end of every layer. Through the first layers, as long as an image's activations outweigh the
// weights, a share goes image by image: what a layer writes is then still in the core's caches when the next one reads it.
struct Shares {
  int images = 0;                      // of a share, at most; 0: there are none
  std::size_t first_layers = 0;        // those by image; not all of the convolutions
  std::size_t first_layer_values = 0;  // of the largest input or output of one image there, to a multiple of 16
  std::size_t handed_over = 0;         // values of one image that go on to the other layers
  std::size_t values = 0;              // of a share's largest output of these
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
  Shares shares;
  std::unique_ptr<Buffer> first_layers;  // two activations of one image for each lane
  std::unique_ptr<Buffer> handed_over;   // [lanes, shares.images, shares.handed_over]
  std::unique_ptr<Buffer> logits, posterior;
  // Scale and shift of every layer, one after the other.
  std::unique_ptr<Buffer> epilogues;
  std::vector<std::size_t> epilogue_offsets;
  // By what they run and on how many images: the convolutions by batch, last layer and stage and whether their output
  // goes to the features, the dense layers likewise and by whether the posterior is wanted.
  std::map<std::tuple<LayerKind, int, std::size_t, Stage, bool>, std::unique_ptr<Recording>> recordings;
};

}  // namespace deepyeast
