#include "stream.h"

namespace deepyeast::cuda {

Event::Event(bool timed) {
  check(cudaEventCreateWithFlags(&event_, timed ? cudaEventDefault : cudaEventDisableTiming), "cudaEventCreate");
}

Event::~Event() {
  if (event_ != nullptr) cudaEventDestroy(event_);
}

void Event::record(cudaStream_t stream) {
  check(cudaEventRecord(event_, stream), "cudaEventRecord");
  recorded_ = true;
}

void Event::wait_on_host() const {
  if (recorded_) check(cudaEventSynchronize(event_), "cudaEventSynchronize");
}

void Event::wait_in(cudaStream_t stream) const {
  if (recorded_) check(cudaStreamWaitEvent(stream, event_, 0), "cudaStreamWaitEvent");
}

CudaStreamHandle::CudaStreamHandle() {
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
}

CudaStreamHandle::~CudaStreamHandle() {
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
}

}  // namespace deepyeast::cuda
