// One backend on one device: its streams, library handles and memory, and what a training needs of them.
//
// All work of a context goes in order into one stream; only copies of images run beside it, in a second. The thread that
// calls is free to be another each time, but calls never overlap.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "abi.h"
#include "downloads.h"
#include "iterations.h"
#include "plan_cache.h"
#include "profile.h"
#include "retired_memory.h"
#include "staging.h"
#include "staging_slot.h"
#include "training_set.h"

namespace deepyeast::cuda {

const char* precision_name(CudaPrecision precision);

class Context {
 public:
  explicit Context(const CudaOptions& options);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Makes the context's device the calling thread's.
  void enter() const { check(cudaSetDevice(device_), "cudaSetDevice(" + std::to_string(device_) + ")"); }

  const std::string& description() const { return description_; }
  CudaPrecision precision() const { return precision_; }
  bool is_bfloat16() const { return precision_ == cuda_bfloat16; }
  std::size_t activation_bytes() const { return is_bfloat16() ? 2 : 4; }
  cudaStream_t stream() const { return stream_; }
  cudnnHandle_t cudnn() const { return cudnn_; }
  cublasLtHandle_t cublas() const { return cublas_; }
  PlanCache& plan_cache() { return *plan_cache_; }

  float* allocate(std::size_t bytes);
  void release(float* memory);
  // Scratch for one operation. It grows when an operation first runs, never while one is recorded; what a recording refers
  // to stays allocated.
  void* workspace(std::size_t bytes);
  // Keeps what something larger has replaced, for the recordings that refer to it.
  void retire(DeviceMemory memory) { retired_.add(std::move(memory)); }

  void upload(const void* host, std::size_t bytes, void* device) { copy_to_device(host, bytes, device, stream_); }
  void download(const void* device, std::size_t bytes, void* host) { copy_to_host(device, bytes, host, stream_); }
  Downloads& downloads() { return downloads_; }
  Staging<StagingSlot>& staging() { return staging_; }
  TrainingSet& training_set() { return training_set_; }
  Iterations& iterations() { return iterations_; }
  const Iterations& iterations() const { return iterations_; }

  // Recordings ask this: profiled operations run one by one.
  Profile& profile() { return profile_; }
  void timed(const std::function<std::string()>& name, const std::function<void()>& operation) {
    profile_.timed(name, operation);
  }

  // What went other than planned, in sentences, each once.
  void note(const std::string& sentence);
  std::string notes() const;

 private:
  int device_;
  CudaPrecision precision_;
  std::string description_;
  CudaStreamHandle stream_, copy_stream_;
  cudnnHandle_t cudnn_ = nullptr;
  cublasLtHandle_t cublas_ = nullptr;
  std::unique_ptr<PlanCache> plan_cache_;
  std::map<float*, DeviceMemory> buffers_;
  DeviceMemory workspace_;
  RetiredMemory retired_;
  Downloads downloads_{stream_};
  Staging<StagingSlot> staging_{stream_, copy_stream_};
  TrainingSet training_set_{stream_, staging_};
  Iterations iterations_{stream_, staging_, training_set_, retired_};
  Profile profile_{stream_};
  std::vector<std::string> notes_;
};

}  // namespace deepyeast::cuda
