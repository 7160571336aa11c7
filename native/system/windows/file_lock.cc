#include "../file_lock.h"

#include <windows.h>

#include "../error.h"
#include "windows_text.h"

namespace deepyeast {

// A folder cannot be locked there, and opening it as a file fails. Nor need it be: while the lock file is open nobody can
// delete or rename it.
std::unique_ptr<FileLock> FileLock::acquire(const std::string& path) {
  const HANDLE file = CreateFileW(wide_path(path).c_str(), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                  nullptr, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE)
    throw Error("io-error", "cannot open the lock file " + path + ": " + error_text(GetLastError()));
  // One byte far behind the end: nobody else can read bytes that are locked, and the file may be looked at.
  OVERLAPPED place{};
  place.Offset = 0xfffffffe;
  place.OffsetHigh = 0x7fffffff;
  if (LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &place))
    return std::unique_ptr<FileLock>(new FileLock(file));
  const DWORD reason = GetLastError();
  CloseHandle(file);
  if (reason == ERROR_LOCK_VIOLATION || reason == ERROR_IO_PENDING) return nullptr;
  throw Error("io-error", "cannot lock " + path + ": " + error_text(reason));
}

FileLock::~FileLock() { CloseHandle(file_); }

}  // namespace deepyeast
