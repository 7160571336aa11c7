// Every status of CUDA, cuBLASLt and cuDNN becomes an Error that names the call and what it was about.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include <string>

#include "../system/error.h"

namespace deepyeast::cuda {

// Throws Error("out-of-memory") for exhausted memory, else Error("cuda-failure").
void check(cudaError_t status, const std::string& what);
void check(cublasStatus_t status, const std::string& what);
void check(cudnnStatus_t status, const std::string& what);

// The code for a status of the run-time library: cuda-driver-missing, cuda-driver-old, cuda-device-missing,
// cuda-architecture, out-of-memory or cuda-failure.
std::string code_of(cudaError_t status);

}  // namespace deepyeast::cuda
