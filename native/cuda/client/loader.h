// Opening libdeepyeast_cuda at run time, with what it needs, and saying what is missing. Nothing here depends on CUDA, so
// that the addon loads on any machine.
#pragma once

#include <string>
#include <vector>

#include "../abi.h"
#include "search.h"

namespace deepyeast {

struct CudaReport {
  struct Dependency {
    std::string name;  // as libcudnn.so.9
    std::string path;  // "": not found
  };
  struct Problem {
    std::string code;  // of src/errors.ts
    std::string message;
  };
  std::string library;                     // its path
  bool loaded = false;
  std::vector<std::string> folders;        // searched for the dependencies
  std::vector<Dependency> dependencies;    // libcuda.so.1 first
  CudaVersions versions{};                 // where loaded
  std::vector<CudaDevice> devices;
  std::vector<Problem> problems;           // empty: a network can be made
  const CudaTable* table = nullptr;        // where loaded and of this version
};

// Loads whatever can be loaded, in the order driver, dependencies, library, and reports all of it. What was loaded stays
// for the life of the process; asking again is cheap. Never throws for what it finds. free_memory: of the devices too, for
// which each of them is initialized.
CudaReport inspect_cuda(const std::string& library, const SearchEnvironment& environment, bool free_memory = false);

// The table of the library. Throws the first problem of its report as an Error.
const CudaTable* open_cuda(const std::string& library, const SearchEnvironment& environment);

// The major version of CUDA that a library file was linked against, from the names in it; 0: it says none.
int needed_cuda_version(const std::string& library);

}  // namespace deepyeast
