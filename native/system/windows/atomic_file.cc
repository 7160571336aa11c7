#include "../atomic_file.h"

#include <windows.h>

#include <algorithm>
#include <atomic>

#include "../error.h"
#include "windows_text.h"

namespace deepyeast {
namespace {

constexpr DWORD kQuotaExceeded = 1295;  // ERROR_DISK_QUOTA_EXCEEDED, which MinGW does not name

// A virus scanner or an indexer that has just opened the file lets go of it within moments.
constexpr int kAttempts = 20;
constexpr DWORD kMilliseconds = 50;

bool replace(const std::wstring& from, const std::wstring& to) {
  for (int attempt = 1;; ++attempt) {
    if (MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) return true;
    const DWORD reason = GetLastError();
    const bool held = reason == ERROR_SHARING_VIOLATION || reason == ERROR_ACCESS_DENIED || reason == ERROR_LOCK_VIOLATION;
    if (!held || attempt == kAttempts) {
      SetLastError(reason);
      return false;
    }
    Sleep(kMilliseconds);
  }
}

}  // namespace

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)) {
  static std::atomic<unsigned> counter{0};
  temporary_ = path_ + ".tmp-" + std::to_string(GetCurrentProcessId()) + "-native-" + std::to_string(counter++);
  file_ = CreateFileW(wide_path(temporary_).c_str(), GENERIC_WRITE, FILE_SHARE_READ, nullptr, CREATE_NEW,
                      FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file_ == INVALID_HANDLE_VALUE) fail("create");
}

AtomicFile::~AtomicFile() {
  if (file_ != INVALID_HANDLE_VALUE) CloseHandle(file_);
  if (!temporary_.empty()) DeleteFileW(wide_path(temporary_).c_str());
}

void AtomicFile::fail(const char* action) const {
  const DWORD reason = GetLastError();
  const bool full = reason == ERROR_DISK_FULL || reason == ERROR_HANDLE_DISK_FULL || reason == ERROR_FILE_TOO_LARGE ||
                    reason == kQuotaExceeded;
  // The destructor does not run when the constructor throws, but then there is no temporary file either.
  throw Error(full ? "disk-full" : "io-error", std::string("cannot ") + action + " " + path_ + ": " + error_text(reason));
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
  const char* position = static_cast<const char*>(data);
  while (bytes > 0) {
    DWORD done = 0;
    if (!WriteFile(file_, position, static_cast<DWORD>(std::min(bytes, kMostAtOnce)), &done, nullptr)) fail("write");
    position += done;
    bytes -= done;
  }
}

void AtomicFile::commit() {
  if (!FlushFileBuffers(file_)) fail("flush");
  const FileHandle file = file_;
  file_ = INVALID_HANDLE_VALUE;
  if (!CloseHandle(file)) fail("close");
  if (!replace(wide_path(temporary_), wide_path(path_))) fail("rename to");
  temporary_.clear();
}

}  // namespace deepyeast
