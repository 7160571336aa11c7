#include "context.h"

#include <algorithm>

namespace deepyeast::cuda {

namespace {

// The members of a context are made on its device.
int entered(int device) {
  check(cudaSetDevice(device), "cudaSetDevice(" + std::to_string(device) + ")");
  return device;
}

}  // namespace

const char* precision_name(CudaPrecision precision) {
  switch (precision) {
    case cuda_bfloat16: return "bfloat16";
    case cuda_tf32: return "tf32";
    default: return "float32";
  }
}

Context::Context(const CudaOptions& options) : device_(entered(options.device)), precision_(options.precision) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, device_), "cudaGetDeviceProperties");
  const std::string device_name = properties.name;
  description_ = "cuda (" + device_name + ", " + precision_name(precision_) + ")";
  check(cudnnCreate(&cudnn_), "cudnnCreate");
  try {
    check(cudnnSetStream(cudnn_, stream_), "cudnnSetStream");
    check(cublasLtCreate(&cublas_), "cublasLtCreate");
    plan_cache_ = std::make_unique<PlanCache>(
        options.cache_folder != nullptr ? options.cache_folder : "",
        device_name + " sm_" + std::to_string(properties.major) + std::to_string(properties.minor) + " | cuDNN " +
            std::to_string(cudnnGetVersion()) + ", cuBLASLt " + std::to_string(cublasLtGetVersion()));
  } catch (...) {
    if (cublas_ != nullptr) cublasLtDestroy(cublas_);
    cudnnDestroy(cudnn_);
    throw;
  }
}

Context::~Context() {
  // Nothing here may throw; a device that has failed answers every call with an error.
  cudaSetDevice(device_);
  cudaStreamSynchronize(copy_stream_);
  cudaStreamSynchronize(stream_);
  cublasLtDestroy(cublas_);
  cudnnDestroy(cudnn_);
}

float* Context::allocate(std::size_t bytes) {
  DeviceMemory memory(std::max<std::size_t>(bytes, 4), stream_, "a tensor");
  float* pointer = memory.as<float>();
  buffers_[pointer] = std::move(memory);
  return pointer;
}

void Context::release(float* memory) {
  const auto found = buffers_.find(memory);
  if (found == buffers_.end()) return;
  cudaStreamSynchronize(stream_);  // what still reads it ends first
  buffers_.erase(found);
}

void* Context::workspace(std::size_t bytes) {
  if (bytes > workspace_.size()) {
    DeviceMemory larger(bytes, stream_, "workspace");
    retire(std::exchange(workspace_, std::move(larger)));
  }
  return workspace_.data();
}

void Context::note(const std::string& sentence) {
  if (std::find(notes_.begin(), notes_.end(), sentence) == notes_.end()) notes_.push_back(sentence);
}

std::string Context::notes() const {
  std::string text;
  for (const std::string& sentence : notes_) text += sentence + "\n";
  return text;
}

}  // namespace deepyeast::cuda
