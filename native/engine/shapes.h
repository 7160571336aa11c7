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

// How one channel of one cell is shown in training.
struct ChannelPerturbation {
  float gain, offset, gamma;            // grey level v becomes offset + gain * 255 * (v / 255)^gamma
  float blur;                           // standard deviation of a Gaussian, in pixels
  float gradient_x, gradient_y;         // of the light: its relative change from the middle to the edge
  float white_noise, correlated_noise;  // standard deviations, in grey levels
};
constexpr int kMostPerturbedChannels = 8;

// How one cell of a mini-batch is shown in training; GatherArguments in backend.h says in which order it is applied.
struct CellPerturbation {
  float zoom;                // above 1: the cell is shown larger
  float shift_x, shift_y;    // in pixels, to the right and down
  float noise_length;        // standard deviation of the Gaussian that the correlated noise went through, in pixels
  float partner;             // weight of the other cell of its pair, 0: none
  ChannelPerturbation channels[kMostPerturbedChannels];
};

// The noise of a word of random bits: the sum of its four bytes, brought to mean 0 and variance 1. It is the same number on
// every device, and close enough to a normal one (beyond 3.45 standard deviations there is none).
constexpr float kNoiseMiddle = 510.0f;               // 4 * 255 / 2
constexpr float kNoiseDeviation = 147.80054127099805f;  // sqrt(4 * (256^2 - 1) / 12)

// The result of one training iteration.
struct StepResult {
  double loss;                   // mean over the batch, before the update
  int correct;                   // cells whose largest logit is their label's, in training mode
};

}  // namespace deepyeast
