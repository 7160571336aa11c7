// Streams and events of the device.
#pragma once

#include "status.h"

namespace deepyeast::cuda {

class Event {
 public:
  explicit Event(bool timed = false);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  // An event never recorded counts as past.
  void record(cudaStream_t stream);
  void wait_on_host() const;
  void wait_in(cudaStream_t stream) const;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
  bool recorded_ = false;
};

class CudaStreamHandle {
 public:
  CudaStreamHandle();
  ~CudaStreamHandle();
  CudaStreamHandle(const CudaStreamHandle&) = delete;
  CudaStreamHandle& operator=(const CudaStreamHandle&) = delete;
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

}  // namespace deepyeast::cuda
