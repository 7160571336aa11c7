#include "status.h"

namespace deepyeast::cuda {

std::string code_of(cudaError_t status) {
  switch (status) {
    case cudaErrorMemoryAllocation: return "out-of-memory";
    case cudaErrorInsufficientDriver: return "cuda-driver-old";
    case cudaErrorStubLibrary: return "cuda-driver-missing";
    case cudaErrorNoDevice: return "cuda-device-missing";
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorUnsupportedPtxVersion: return "cuda-architecture";
    default: return "cuda-failure";
  }
}

void check(cudaError_t status, const std::string& what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // the thread's record of it: the next call is judged by itself
  throw Error(code_of(status), "CUDA: " + what + ": " + cudaGetErrorName(status) + ", " + cudaGetErrorString(status));
}

void check(cublasStatus_t status, const std::string& what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(status == CUBLAS_STATUS_ALLOC_FAILED ? "out-of-memory" : "cuda-failure",
              "cuBLASLt: " + what + ": " + cublasLtGetStatusName(status));
}

void check(cudnnStatus_t status, const std::string& what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char detail[512] = "";
  cudnnGetLastErrorString(detail, sizeof detail);
  const bool memory = status == CUDNN_STATUS_ALLOC_FAILED || status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
  throw Error(memory ? "out-of-memory" : "cuda-failure",
              "cuDNN: " + what + ": " + cudnnGetErrorString(status) + (*detail ? std::string(", ") + detail : ""));
}

}  // namespace deepyeast::cuda
