// Inference as the engine hands it to a backend: what to compute. How images are taken through the layers (how many at
// once, on which threads, in which memory) is the backend's decision.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "shapes.h"
#include "topology.h"

namespace deepyeast {

class Convolution;
class Dense;

// One layer of a pass, with its weights set: either a convolution or a dense layer, the other pointer is null.
struct InferenceLayer {
  Convolution* convolution;
  Dense* dense;
  InferenceEpilogue epilogue;  // the folded normalization, ReLU and pool
};

// The layers of a network from the first to the one whose output is wanted.
struct InferencePass {
  const float* mean;                   // [size, size, channels], on the device; the input is (pixel - mean) * scale
  float scale;
  std::vector<InferenceLayer> layers;  // the last one's epilogue ends at the stage that is wanted
  Stage stage;                         // of the last layer
};

// On the host.
struct InferenceImages {
  std::size_t count;
  const std::uint8_t* pixels;  // [count, size, size, channels]; null: `read` fetches the images, in order
  std::function<void(std::size_t first, int number, std::uint8_t* target)> read;
};

// On the host; each may be null.
struct InferenceResults {
  float* output;     // [count, values of the last layer]
  float* posterior;  // [count, classes]; only where the last layer is the network's
};

// Largest batches that the operations of a network are made for.
struct OperationBatches {
  int convolutions, dense;
};

// Executes the passes of one network on a device. It is made by Backend::inference, and keeps its memory between calls.
class InferenceExecutor {
 public:
  virtual ~InferenceExecutor() = default;

  // How many images of a long call are taken through the whole network together.
  virtual int images_at_once() const = 0;
  // The largest batches that execute() will give to the operations of a pass for `count` images.
  virtual OperationBatches batches(std::size_t count) const = 0;
  // Takes the images through the pass. Throws Error("out-of-memory"); some of the results may be written by then.
  virtual void execute(const InferencePass& pass, const InferenceImages& images, const InferenceResults& results) = 0;
  // Frees the memory, and what refers to the operations of earlier passes: call it before these are freed.
  virtual void release() = 0;
  // After out-of-memory: halves the images that are taken at once. False: that saves nothing here.
  virtual bool halve() { return false; }
};

}  // namespace deepyeast
