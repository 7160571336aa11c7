// A file that appears whole or not at all: written under a temporary name in the same folder, flushed, renamed.
// Paths are UTF-8, on every system.
#pragma once

#include <cstddef>
#include <string>

#include "file_handle.h"

namespace deepyeast {

class AtomicFile {
 public:
  // Throws Error("disk-full") when the device, quota or file-size limit is reached, Error("io-error") otherwise.
  explicit AtomicFile(std::string path);
  // Removes the temporary file unless commit() succeeded.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t bytes);
  // Flushes the file and its folder to the disk, and renames.
  void commit();

 private:
  [[noreturn]] void fail(const char* action) const;

  std::string path_, temporary_;
  FileHandle file_;
};

}  // namespace deepyeast
