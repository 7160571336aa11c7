// The operating system's exclusive advisory lock on a file or a folder: released when the process ends, however it ends.
#pragma once

#include <memory>
#include <string>

namespace deepyeast {

class FileLock {
 public:
  // Null when another process, or another FileLock of this one, holds it. Creates the file where nothing is. Throws Error("io-error").
  static std::unique_ptr<FileLock> acquire(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

}  // namespace deepyeast
