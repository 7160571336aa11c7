// One backend on one device: streams, library handles, memory, the iteration under way.
//
// All work of a context goes in order into one stream; only copies of images run beside it, in a second. The thread that
// calls is free to be another each time, but calls never overlap.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "abi.h"
#include "kernels/step.h"
#include "plan_cache.h"
#include "staging.h"
#include "status.h"

namespace deepyeast::cuda {

const char* precision_name(CudaPrecision precision);

// Device memory, zero-filled in the stream.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(std::size_t bytes, cudaStream_t stream, const std::string& what);
  ~DeviceMemory();
  DeviceMemory(DeviceMemory&& other) noexcept;
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;
  void* data() const { return data_; }
  std::size_t size() const { return size_; }
  template <typename Type>
  Type* as() const {
    return static_cast<Type*>(data_);
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

// Page-locked host memory, which copies can run beside computing.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  explicit PinnedMemory(std::size_t bytes);
  ~PinnedMemory();
  PinnedMemory(PinnedMemory&& other) noexcept;
  PinnedMemory& operator=(PinnedMemory&& other) noexcept;
  std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

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

// Of Staging. Copies run in a stream of their own, beside what the other computes.
class StagingSlot {
 public:
  StagingSlot(cudaStream_t stream, cudaStream_t copy_stream) : stream_(stream), copy_stream_(copy_stream) {}
  std::size_t size() const { return host_.size(); }
  std::uint8_t* host() { return host_.data(); }
  const std::uint8_t* device() const { return device_.as<std::uint8_t>(); }
  void resize(std::size_t bytes);
  void copy(std::size_t bytes);
  void mark_used() { used_.record(stream_); }
  void on_host_wait_for_copy() const { copied_.wait_on_host(); }
  void on_host_wait_for_use() const { used_.wait_on_host(); }

 private:
  cudaStream_t stream_, copy_stream_;
  PinnedMemory host_;
  DeviceMemory device_;
  Event copied_, used_;
};

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
  std::size_t available_memory() const;

  // Making candidates of convolutions ready may compile code. All operations of a context together have this much time for
  // more than the first candidate that works.
  double autotune_seconds_left() const { return autotune_seconds_; }
  void spend_autotune_seconds(double seconds) { autotune_seconds_ = seconds < autotune_seconds_ ? autotune_seconds_ - seconds : 0; }

  float* allocate(std::size_t bytes);
  void release(float* memory);
  // Scratch memory for one operation. It grows when an operation first runs, never while one is recorded.
  void* workspace(std::size_t bytes);
  // Keeps memory that a larger buffer has replaced until the context ends, since a recording may still refer to it.
  void retire(DeviceMemory memory) {
    if (memory.data() != nullptr) retired_.push_back(std::move(memory));
  }

  void upload(const void* host, std::size_t bytes, void* device);
  void download(const void* device, std::size_t bytes, void* host);
  void download_later(const void* device, std::size_t bytes, void* host);
  void finish();

  // Images on their way to the device: staging.h.
  std::uint8_t* staging(std::size_t bytes) { return staging_.next(bytes); }
  const std::uint8_t* stage(const std::uint8_t* images, std::size_t bytes) { return staging_.stage(images, bytes); }
  void staged_used() { staging_.used(); }

  bool holds(std::uint64_t id) const { return held_id_ == id && held_.data() != nullptr && held_complete_; }
  bool hold(std::uint64_t id, std::uint64_t count, std::size_t image_bytes);
  void put(std::uint64_t first, std::size_t number, const std::uint8_t* images, bool last);

  void begin_iteration(const CudaIteration& iteration);
  void end_iteration();
  // Null outside an iteration.
  const IterationBlock* iteration() const { return in_iteration_ ? block_.as<IterationBlock>() : nullptr; }
  const std::int32_t* iteration_labels() const;
  Results* results() const { return results_.as<Results>(); }
  int collect(StepResult* results, int capacity, bool* more);

  // Recordings ask this: profiled operations run one by one.
  bool profiling() const { return profiling_; }
  void profile_begin();
  std::string profile_end();
  // Runs `operation`, which enqueues what `name` is; times it while profiling.
  void timed(const std::function<std::string()>& name, const std::function<void()>& operation);
  double elapsed();

  void note(const std::string& sentence);
  std::string notes() const;

 private:
  struct InputSlot {
    PinnedMemory host;
    Event copied;
  };
  struct Pending {
    std::size_t offset, bytes;
    void* host;
  };
  struct Timing {
    std::unique_ptr<Event> start, stop;
    std::string name;
  };

  void drain();
  std::size_t block_bytes(int batch) const;

  int device_;
  CudaPrecision precision_;
  std::string description_, device_name_;
  CudaStreamHandle stream_, copy_stream_;
  cudnnHandle_t cudnn_ = nullptr;
  cublasLtHandle_t cublas_ = nullptr;
  std::unique_ptr<PlanCache> plan_cache_;
  double autotune_seconds_ = 30;
  std::map<float*, DeviceMemory> buffers_;
  DeviceMemory workspace_;
  std::vector<DeviceMemory> retired_;

  PinnedMemory downloads_;
  std::size_t downloads_used_ = 0;
  std::vector<Pending> pending_;

  Staging<StagingSlot> staging_{stream_, copy_stream_};

  DeviceMemory held_;
  std::uint64_t held_id_ = 0;
  std::size_t held_image_bytes_ = 0;
  bool held_complete_ = false;

  DeviceMemory block_;
  int block_capacity_ = 0;
  std::array<InputSlot, 4> inputs_;
  std::size_t input_ = 0;
  bool in_iteration_ = false, iteration_staged_ = false;
  DeviceMemory results_;
  int enqueued_ = 0;      // results not yet fetched
  bool diverged_ = false; // since the last collect
  std::vector<StepResult> fetched_;

  bool profiling_ = false;
  std::vector<Timing> timings_;
  std::unique_ptr<Event> mark_;
  std::vector<std::string> notes_;
};

}  // namespace deepyeast::cuda
