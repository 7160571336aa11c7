// Where the libraries of CUDA may lie on a machine.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace deepyeast {

// What the search asks its machine; tests give another.
struct SearchEnvironment {
  std::function<std::string(const std::string& name)> variable;  // "" where unset
  std::string root;                                              // put before the system's own folders
};
SearchEnvironment this_machine();

// Folders that exist, each once, in the order in which they are searched: DEEPYEAST_CUDA_LIBRARIES (several, separated by
// colons), `beside`, LD_LIBRARY_PATH, CUDA_HOME and CUDA_PATH, the system's, and the nvidia folders that pip fills:
// DEEPYEAST_CUDA_WHEELS, those of the active virtual or conda environment, of python3 on the PATH, and the user's.
std::vector<std::string> library_folders(const SearchEnvironment& environment, const std::string& beside);

// The first of the folders' files with this name, as an absolute path; "": none.
std::string find_library(const std::string& name, const std::vector<std::string>& folders);

}  // namespace deepyeast
