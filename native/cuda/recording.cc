#include "recording.h"

namespace deepyeast::cuda {

GraphRecording::~GraphRecording() {
  if (executable_ == nullptr) return;
  cudaStreamSynchronize(context_.stream());
  cudaGraphExecDestroy(executable_);
}

CudaRecordingStep GraphRecording::begin() {
  if (context_.profile().running() || given_up_) return cuda_run;
  if (executable_ != nullptr) {
    check(cudaGraphLaunch(executable_, context_.stream()), "cudaGraphLaunch");
    return cuda_replayed;
  }
  if (!prepared_) {
    prepared_ = true;
    return cuda_run;
  }
  // Of this thread only: another network's thread may allocate meanwhile.
  check(cudaStreamBeginCapture(context_.stream(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  capturing_ = true;
  return cuda_record;
}

bool GraphRecording::end(bool failed) {
  if (!capturing_) {
    if (failed) prepared_ = false;  // some plans and workspace may not have been made
    return false;
  }
  capturing_ = false;
  cudaGraph_t graph = nullptr;
  cudaError_t status = cudaStreamEndCapture(context_.stream(), &graph);
  if (status == cudaSuccess && !failed) status = cudaGraphInstantiate(&executable_, graph, 0);
  if (graph != nullptr) cudaGraphDestroy(graph);
  if (status == cudaSuccess && !failed) {
    check(cudaGraphLaunch(executable_, context_.stream()), "cudaGraphLaunch");
    return false;
  }
  // Slower, not wrong: the operations run one by one from now on, and doctor and bench say so.
  cudaGetLastError();
  executable_ = nullptr;
  given_up_ = true;
  context_.note(std::string("a sequence of operations could not be recorded (") +
                (status == cudaSuccess ? "an operation failed" : cudaGetErrorString(status)) +
                "): it runs one operation at a time");
  return true;
}

}  // namespace deepyeast::cuda
