// A file that appears whole or not at all: written under a temporary name in the same folder, flushed, renamed.
#pragma once

#include <cstddef>
#include <string>

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
  int file_ = -1;
};

}  // namespace deepyeast
