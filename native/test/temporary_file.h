// A file with given content that exists as long as the object.
#pragma once

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "test.h"

namespace deepyeast::test {

class TemporaryFile {
 public:
  // Its name has letters beyond ASCII, which every system writes in its own way.
  explicit TemporaryFile(const std::string& content)
      : path_(std::filesystem::temp_directory_path() /
              std::filesystem::u8path("deepyeast-h\xc3\xb6lle-" + std::to_string(std::random_device{}()))) {
    std::ofstream file(path_, std::ios::binary);
    file << content;
    expect(file.good(), "there is no temporary file");
  }
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  std::string path() const { return path_.u8string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace deepyeast::test
