// Takes the place of libdeepyeast_cuda.so in tests. It reports the versions and devices that DEEPYEAST_FAKE_CUDA names, as in
// "cudnn=90000 devices=0". It depends on libcublasLt.so.99 as the real library depends on cuBLASLt, and copies of it stand
// for its dependencies.
#include <cstdlib>
#include <cstring>
#include <string>

#include "../../cuda/abi.h"
#include "device.h"

namespace {

using namespace deepyeast;

int setting(const std::string& name, int otherwise) {
  const char* settings = std::getenv("DEEPYEAST_FAKE_CUDA");
  const char* found = settings != nullptr ? std::strstr(settings, (name + "=").c_str()) : nullptr;
  return found != nullptr ? std::atoi(found + name.size() + 1) : otherwise;
}

const char* error_code() { return fake_memory_was_exhausted() ? "out-of-memory" : "cuda-device-missing"; }
const char* error_message() { return "a failure of the fake library, not of libcublasLt.so.99 or others"; }

int versions(CudaVersions* versions) {
  *versions = {setting("driver", 13000), 13000, setting("cudnn", 92400), 130101};
  return 0;
}

int devices(CudaDevice* devices, int capacity, int free_memory, int* count) {
  *count = setting("devices", 1);
  if (*count < 0) return 1;
  for (int i = 0; i < *count && i < capacity; ++i) {
    devices[i] = {"Fake", setting("major", 9), 0, 1, 1000, 0, 0};
    devices[i].supported = i == setting("supported", 0);
    if (free_memory) devices[i].free_memory = 500;
  }
  return 0;
}

}  // namespace

extern "C" const CudaTable* deepyeast_cuda(void) {
  static CudaTable table{};
  table.abi = DEEPYEAST_CUDA_ABI + static_cast<unsigned>(setting("abi", 0));
  table.version = DEEPYEAST_VERSION;
  table.error_code = error_code;
  table.error_message = error_message;
  table.versions = versions;
  table.devices = devices;
  add_fake_device(&table);
  return &table;
}
