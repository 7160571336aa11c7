// Shapes and small records of the operations in backend.h. They are plain C structures, since they also cross the boundary
// of the CUDA library: a change here needs a new ABI number in cuda/abi.h.
#pragma once

namespace deepyeast {

// Per-channel statistics of a batch: mean and biased variance, arrays of `channels` floats.
struct BatchStatistics {
  float* mean;
  float* variance;
};

// What happens to a layer's linear output in inference: y = x * scale[channel] + shift[channel], then ReLU, then a 2x2
// max pool, as asked. Running statistics and bias are folded into scale and shift by the caller.
struct InferenceEpilogue {
  const float* scale;  // null: 1
  const float* shift;  // null: 0
  bool relu;
  bool pool;
};

// A 3x3 convolution, stride 1, padding 1. `batch` is the largest batch it will see.
struct ConvolutionShape {
  int batch, height, width, input_channels, output_channels;
};

struct DenseShape {
  int batch, inputs, outputs;
  bool logits = false;  // the network's last layer: its output is float32 whatever the device computes in
};

// Batch normalization, ReLU, and then either a 2x2 max pool or dropout or neither.
struct NormalizationShape {
  int batch, height, width, channels;  // of the linear input; height and width are 1 for dense layers
  bool pool;
  float epsilon;
  float dropout;                       // 0: none. Only without pool.
};

// The result of one training iteration.
struct StepResult {
  double loss;                   // mean over the batch, before the update
  int correct;                   // cells whose largest logit is their label's, in training mode
};

}  // namespace deepyeast
