// A sequence of operations, first run as it is (which prepares plans and workspace), then captured as a CUDA graph, then
// replayed.
#pragma once

#include "context.h"

namespace deepyeast::cuda {

class GraphRecording {
 public:
  explicit GraphRecording(Context& context) : context_(context) {}
  ~GraphRecording();
  GraphRecording(const GraphRecording&) = delete;
  GraphRecording& operator=(const GraphRecording&) = delete;

  Context& context() { return context_; }
  CudaRecordingStep begin();
  // True: nothing has run, the operations must be called again.
  bool end(bool failed);

 private:
  Context& context_;
  bool prepared_ = false, capturing_ = false, given_up_ = false;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace deepyeast::cuda
