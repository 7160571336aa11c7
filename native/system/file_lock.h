// The operating system's exclusive lock on a file or a folder (on Windows only a file), which binds those alone that ask
// for it: released when the process ends, however it ends.
#pragma once

#include <memory>
#include <string>

#include "file_handle.h"

namespace deepyeast {

class FileLock {
 public:
  // Null when another process, or another FileLock of this one, holds it. Creates the file where nothing is.
  // Throws Error("io-error").
  static std::unique_ptr<FileLock> acquire(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(FileHandle file) : file_(file) {}
  FileHandle file_;
};

}  // namespace deepyeast
