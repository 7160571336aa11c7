#include "../read_at.h"

#include <windows.h>

#include <algorithm>

#include "../error.h"
#include "windows_text.h"

namespace deepyeast {

std::size_t read_at(FileHandle file, const std::string& path, std::uint64_t position, void* target, std::size_t bytes) {
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
  std::size_t done = 0;
  while (done < bytes) {
    // The position comes with the call, so that threads do not disturb each other.
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(position + done);
    place.OffsetHigh = static_cast<DWORD>((position + done) >> 32);
    DWORD read = 0;
    const bool good = ReadFile(file, static_cast<char*>(target) + done,
                               static_cast<DWORD>(std::min(bytes - done, kMostAtOnce)), &read, &place);
    const DWORD reason = good ? 0 : GetLastError();
    if (!good && reason != ERROR_HANDLE_EOF) throw Error("io-error", "cannot read " + path + ": " + error_text(reason));
    if (!good || read == 0) break;
    done += read;
  }
  return done;
}

}  // namespace deepyeast
