// Files that are open: what the operating system calls one, and one that is opened for reading.
#pragma once

#include <cstdint>
#include <string>

namespace deepyeast {

#if defined(_WIN32)
using FileHandle = void*;
#else
using FileHandle = int;
#endif

// The handle of a file that Node.js has opened, whose files have numbers of their own on Windows. Throws
// Error("invalid-argument") where there is none of this number.
FileHandle handle_of_descriptor(int descriptor);

// A file that is open for reading. Others may write to it, replace it and delete it meanwhile.
class InputFile {
 public:
  // `path` is UTF-8, on every system. Throws Error("io-error").
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  FileHandle handle() const { return handle_; }
  // Its length now, in bytes; 0 where the system does not say.
  std::uint64_t size() const;

 private:
  FileHandle handle_;
};

}  // namespace deepyeast
