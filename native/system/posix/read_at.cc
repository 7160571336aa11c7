#include "../read_at.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "../error.h"

namespace deepyeast {

std::size_t read_at(FileHandle file, const std::string& path, std::uint64_t position, void* target, std::size_t bytes) {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t read =
        ::pread(file, static_cast<char*>(target) + done, bytes - done, static_cast<off_t>(position + done));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) throw Error("io-error", "cannot read " + path + ": " + std::strerror(errno));
    if (read == 0) break;
    done += static_cast<std::size_t>(read);
  }
  return done;
}

}  // namespace deepyeast
