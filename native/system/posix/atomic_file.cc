#include "../atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "../error.h"

namespace deepyeast {
namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A write beyond the file-size limit raises SIGXFSZ, which kills the process by default; with the signal blocked in this
// thread the write fails with EFBIG instead. The pending signal is taken before the mask is restored.
class FileSizeSignalBlock {
 public:
  FileSizeSignalBlock() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signals_, &previous_);
  }
  ~FileSizeSignalBlock() {
    sigset_t pending;
    if (sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) && !sigismember(&previous_, SIGXFSZ)) {
      int signal = 0;
      sigwait(&signals_, &signal);
    }
    pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
  }

 private:
  sigset_t signals_, previous_;
};

}  // namespace

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)) {
  static std::atomic<unsigned> counter{0};
  temporary_ = path_ + ".tmp-" + std::to_string(::getpid()) + "-native-" + std::to_string(counter++);
  file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file_ < 0) fail("create");
}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* action) const {
  const int reason = errno;
  const bool full = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  // The destructor does not run when the constructor throws, but then there is no temporary file either.
  throw Error(full ? "disk-full" : "io-error", std::string("cannot ") + action + " " + path_ + ": " +
                                                   std::strerror(reason));
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const FileSizeSignalBlock block;
  const char* position = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t done = ::write(file_, position, bytes);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail("write");
    position += done;
    bytes -= static_cast<std::size_t>(done);
  }
}

void AtomicFile::commit() {
  if (::fsync(file_) != 0) fail("flush");
  const int file = file_;
  file_ = -1;
  if (::close(file) != 0) fail("close");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("rename to");
  temporary_.clear();
  const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);  // some file systems refuse to flush a folder: the rename itself has succeeded
    ::close(folder);
  }
}

}  // namespace deepyeast
