#include "../file_handle.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "../error.h"

namespace deepyeast {

FileHandle handle_of_descriptor(int descriptor) { return descriptor; }

InputFile::InputFile(const std::string& path) : handle_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (handle_ < 0) throw Error("io-error", "cannot open " + path + ": " + std::strerror(errno));
}

InputFile::~InputFile() { ::close(handle_); }

std::uint64_t InputFile::size() const {
  struct stat status {};
  return ::fstat(handle_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

}  // namespace deepyeast
