#include "../file_handle.h"

#include <windows.h>

#include "../error.h"
#include "windows_text.h"

namespace deepyeast {

// The numbers that Node.js gives its files mean nothing to the C run time of this library: Node.js itself is asked.
FileHandle handle_of_descriptor(int descriptor) {
  using Lookup = void* (*)(int);
  static const auto lookup =
      reinterpret_cast<Lookup>(reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(nullptr), "uv_get_osfhandle")));
  const FileHandle handle = lookup != nullptr ? lookup(descriptor) : INVALID_HANDLE_VALUE;
  if (handle == INVALID_HANDLE_VALUE || handle == nullptr)
    throw Error("invalid-argument", "file is " + std::to_string(descriptor) + "; expected a file that is open");
  return handle;
}

InputFile::InputFile(const std::string& path)
    : handle_(CreateFileW(wide_path(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                          nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr)) {
  if (handle_ == INVALID_HANDLE_VALUE) throw Error("io-error", "cannot open " + path + ": " + error_text(GetLastError()));
}

InputFile::~InputFile() { CloseHandle(handle_); }

std::uint64_t InputFile::size() const {
  LARGE_INTEGER bytes;
  return GetFileSizeEx(handle_, &bytes) ? static_cast<std::uint64_t>(bytes.QuadPart) : 0;
}

}  // namespace deepyeast
