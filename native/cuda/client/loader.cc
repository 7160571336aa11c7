#include "loader.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>

#include "../../system/error.h"

#if !defined(DEEPYEAST_VERSION)
#error "DEEPYEAST_VERSION is not defined"
#endif

namespace deepyeast {
namespace {

constexpr int kLeastCudnn = 90100;   // 9.1.0
constexpr int kDefaultCuda = 13;
constexpr int kMostDevices = 64;

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string loading_error() {
  const char* reason = dlerror();
  return reason != nullptr ? reason : "no reason given";
}

std::string cuda_version(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string cudnn_version(int version) {
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

// Loads a dependency, by absolute path where it is found, else by whatever way the system has. "" on failure.
std::string load(const std::string& name, const std::vector<std::string>& folders) {
  const std::string path = find_library(name, folders);
  if (!path.empty() && dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr) return path;
  return dlopen(name.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr ? name : "";
}

// The table's last error as a problem.
CudaReport::Problem problem_of(const CudaTable& table) {
  std::string code = table.error_code();
  return {code.empty() ? "cuda-failure" : code, table.error_message()};
}

void inspect_devices(CudaReport& report, bool free_memory) {
  const CudaTable& table = *report.table;
  if (table.versions(&report.versions) != 0) {
    report.problems.push_back(problem_of(table));
    return;
  }
  const CudaVersions& versions = report.versions;
  if (versions.cudnn < kLeastCudnn)
    report.problems.push_back({"cudnn-old", "cuDNN is of version " + cudnn_version(versions.cudnn) +
                                                "; expected " + cudnn_version(kLeastCudnn) + " or later"});
  if (versions.driver != 0 && versions.driver / 1000 < versions.runtime / 1000)
    report.problems.push_back({"cuda-driver-old", "the NVIDIA driver supports CUDA " + cuda_version(versions.driver) +
                                                      "; expected " + std::to_string(versions.runtime / 1000) +
                                                      ".0 or later"});
  CudaDevice devices[kMostDevices];
  int count = 0;
  if (table.devices(devices, kMostDevices, free_memory, &count) != 0) {
    // Without a driver that was said already.
    const CudaReport::Problem problem = problem_of(table);
    bool known = false;
    for (const CudaReport::Problem& other : report.problems)
      known = known || other.code == problem.code || other.code == "cuda-driver-missing";
    if (!known) report.problems.push_back(problem);
    return;
  }
  report.devices.assign(devices, devices + (count < kMostDevices ? count : kMostDevices));
  if (report.devices.empty()) report.problems.push_back({"cuda-device-missing", "the driver knows no CUDA device"});
  // With several the one that a network asks for counts, which is seen when it is made.
  else if (std::none_of(report.devices.begin(), report.devices.end(), [](const CudaDevice& d) { return d.supported; }))
    report.problems.push_back({"cuda-architecture", std::string(devices[0].name) + " has compute capability " +
                                                        std::to_string(devices[0].major) + "." +
                                                        std::to_string(devices[0].minor) + ", for which " +
                                                        report.library + " was not built"});
}

}  // namespace

int needed_cuda_version(const std::string& library) {
  std::ifstream file(library, std::ios::binary);
  const std::string wanted = "libcublasLt.so.";
  std::string tail;
  std::vector<char> chunk(1 << 20);
  while (file) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    tail.append(chunk.data(), static_cast<std::size_t>(file.gcount()));
    const std::size_t found = tail.find(wanted);
    if (found != std::string::npos && (found + wanted.size() + 4 < tail.size() || !file)) {
      return std::atoi(tail.c_str() + found + wanted.size());
    }
    if (found == std::string::npos && tail.size() > 64) tail.erase(0, tail.size() - 64);
  }
  return 0;
}

CudaReport inspect_cuda(const std::string& library, const SearchEnvironment& environment, bool free_memory) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  CudaReport report;
  report.library = library;
  report.folders = library_folders(environment, folder_of(library));

  const auto need = [&](const std::string& name, const std::string& path, const char* code, const std::string& what) {
    report.dependencies.push_back({name, path});
    if (path.empty()) report.problems.push_back({code, what});
  };
  if (!std::ifstream(library)) {
    report.problems.push_back({"cuda-library-missing", library + " is not there: this installation was built without CUDA"});
  }
  // The driver belongs to the system: its folder is the loader's business.
  const bool driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL) != nullptr;
  need("libcuda.so.1", driver ? "libcuda.so.1" : "", "cuda-driver-missing",
       driver ? "" : "the NVIDIA driver cannot be loaded: " + loading_error());
  const int needed = needed_cuda_version(library);
  const std::string major = std::to_string(needed > 0 ? needed : kDefaultCuda);
  const struct {
    std::string name;
    const char* code;
    const char* what;
  } dependencies[] = {{"libnvrtc.so." + major, "nvrtc-missing", "NVRTC, with which cuDNN compiles fused operations"},
                      {"libcublasLt.so." + major, "cublas-missing", "cuBLASLt"},
                      {"libcublas.so." + major, "cublas-missing", "cuBLAS"},
                      {"libcudnn.so.9", "cudnn-missing", "cuDNN 9"}};
  bool complete = true;
  for (const auto& dependency : dependencies) {
    const std::string path = load(dependency.name, report.folders);
    std::string reason;
    if (path.empty()) {
      const std::string found = find_library(dependency.name, report.folders);
      reason = dependency.name + " (" + dependency.what + ") " +
               (found.empty() ? "was not found in any of " + std::to_string(report.folders.size()) + " folders"
                              : "cannot be loaded: " + loading_error());
      complete = false;
    }
    need(dependency.name, path, dependency.code, reason);
  }
  if (!complete || !std::ifstream(library)) return report;

  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    report.problems.push_back({"cuda-library-missing", library + " cannot be loaded: " + loading_error()});
    return report;
  }
  report.loaded = true;
  const auto function = reinterpret_cast<deepyeast_cuda_function>(dlsym(handle, "deepyeast_cuda"));
  const CudaTable* table = function != nullptr ? function() : nullptr;
  if (table == nullptr || table->abi != DEEPYEAST_CUDA_ABI || std::strcmp(table->version, DEEPYEAST_VERSION) != 0) {
    report.problems.push_back(
        {"version-mismatch", library + " is " +
                                 (table == nullptr ? std::string("not of this package")
                                                   : "of version " + std::string(table->version) + " (ABI " +
                                                         std::to_string(table->abi) + ")") +
                                 "; the addon is of " DEEPYEAST_VERSION " (ABI " + std::to_string(DEEPYEAST_CUDA_ABI) +
                                 ")"});
    return report;
  }
  report.table = table;
  inspect_devices(report, free_memory);
  return report;
}

const CudaTable* open_cuda(const std::string& library, const SearchEnvironment& environment) {
  const CudaReport report = inspect_cuda(library, environment);
  if (!report.problems.empty()) throw Error(report.problems[0].code, report.problems[0].message);
  return report.table;
}

}  // namespace deepyeast
