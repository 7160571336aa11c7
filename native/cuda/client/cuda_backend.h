// The engine's Backend on the CUDA library's table of functions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../../engine/backend.h"
#include "../abi.h"

namespace deepyeast {

struct CudaBackendOptions {
  int device = 0;
  CudaPrecision precision = cuda_tf32;
  std::string cache_folder;  // of the plans; empty: none is kept
};

// "float32", "tf32" or "bfloat16". Throws Error("invalid-argument").
CudaPrecision cuda_precision(const std::string& name);

// What it can do beside Backend.
class CudaBackend : public Backend {
 public:
  // As download, but `host` is filled by finish() at the latest.
  virtual void download_later(const float* device, std::size_t count, float* host) = 0;
  virtual void finish() = 0;
  // Lines of milliseconds, calls and name of every operation between the two calls, which run one by one.
  virtual void profile_begin() = 0;
  virtual std::string profile_end() = 0;
  // Waits for the device; milliseconds since the last call, by its clock.
  virtual double elapsed() = 0;
};

// Throws Error with a code of src/errors.ts.
std::unique_ptr<CudaBackend> make_cuda_backend(const CudaTable& table, const CudaBackendOptions& options);

}  // namespace deepyeast
