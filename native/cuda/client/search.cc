#include "search.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace deepyeast {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find(':', start), text.size());
    if (end > start) parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

class Folders {
 public:
  void add(const fs::path& folder) {
    std::error_code failure;
    if (folder.empty() || !fs::is_directory(folder, failure) || failure) return;
    const std::string path = fs::absolute(folder, failure).lexically_normal().string();
    if (!failure && std::find(found_.begin(), found_.end(), path) == found_.end()) found_.push_back(path);
  }
  // nvidia/cudnn/lib, nvidia/cu13/lib and the like.
  void add_wheels(const fs::path& nvidia) {
    for (const fs::path& package : entries(nvidia)) add(package / "lib");
  }
  // The packages of a Python installation.
  void add_python(const fs::path& prefix) {
    for (const char* library : {"lib", "lib64", "local/lib"}) {
      for (const fs::path& version : entries(prefix / library)) {
        if (version.filename().string().compare(0, 6, "python") != 0) continue;
        for (const char* packages : {"site-packages", "dist-packages"}) add_wheels(version / packages / "nvidia");
      }
    }
  }
  std::vector<std::string> take() { return std::move(found_); }

 private:
  // Sorted, so that the order does not depend on the file system.
  static std::vector<fs::path> entries(const fs::path& folder) {
    std::vector<fs::path> found;
    std::error_code failure;
    fs::directory_iterator entry(folder, failure), end;
    while (!failure && entry != end) {
      found.push_back(entry->path());
      entry.increment(failure);
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  std::vector<std::string> found_;
};

}  // namespace

SearchEnvironment this_machine() {
  return {[](const std::string& name) {
            const char* value = std::getenv(name.c_str());
            return std::string(value != nullptr ? value : "");
          },
          ""};
}

std::vector<std::string> library_folders(const SearchEnvironment& environment, const std::string& beside) {
  Folders folders;
  const auto variable = environment.variable;
  for (const std::string& folder : split(variable("DEEPYEAST_CUDA_LIBRARIES"))) folders.add(folder);
  folders.add(beside);
  for (const std::string& folder : split(variable("LD_LIBRARY_PATH"))) folders.add(folder);
  std::vector<fs::path> toolkits;
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"})
    if (!variable(name).empty()) toolkits.emplace_back(variable(name));
  toolkits.emplace_back(environment.root + "/usr/local/cuda");
  for (const fs::path& toolkit : toolkits)
    for (const char* library : {"lib64", "lib", "targets/x86_64-linux/lib"}) folders.add(toolkit / library);
  for (const char* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib",
                             "/usr/lib/wsl/lib", "/usr/local/lib"})
    folders.add(environment.root + folder);

  if (!variable("DEEPYEAST_CUDA_WHEELS").empty()) folders.add_wheels(variable("DEEPYEAST_CUDA_WHEELS"));
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    if (variable(name).empty()) continue;
    folders.add_python(variable(name));
    folders.add(fs::path(variable(name)) / "lib");
  }
  for (const std::string& folder : split(variable("PATH"))) {
    const fs::path python = fs::path(folder) / "python3";
    std::error_code failure;
    if (!fs::exists(python, failure)) continue;
    folders.add_python(fs::path(folder).parent_path());  // that of a virtual environment, where it is one
    const fs::path real = fs::canonical(python, failure);
    if (!failure) folders.add_python(real.parent_path().parent_path());
    break;
  }
  if (!variable("HOME").empty()) folders.add_python(fs::path(variable("HOME")) / ".local");
  folders.add_python(environment.root + "/usr");
  return folders.take();
}

std::string find_library(const std::string& name, const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    std::error_code failure;
    const fs::path path = fs::path(folder) / name;
    if (fs::exists(path, failure) && !fs::is_directory(path, failure)) return path.string();
  }
  return {};
}

}  // namespace deepyeast
