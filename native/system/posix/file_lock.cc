#include "../file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "../error.h"

namespace deepyeast {

std::unique_ptr<FileLock> FileLock::acquire(const std::string& path) {
  int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  // A folder has a handle as well, and its lock cannot be deleted away.
  if (file < 0 && errno == EISDIR) file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw Error("io-error", "cannot open the lock file " + path + ": " + std::strerror(errno));
  int result = 0;
  do {
    result = ::flock(file, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return std::unique_ptr<FileLock>(new FileLock(file));
  const int reason = errno;
  ::close(file);
  if (reason == EWOULDBLOCK) return nullptr;
  throw Error("io-error", "cannot lock " + path + ": " + std::strerror(reason));
}

FileLock::~FileLock() { ::close(file_); }

}  // namespace deepyeast
