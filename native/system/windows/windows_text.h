// Paths and messages of Windows, which has them in UTF-16; ours are UTF-8.
#pragma once

#include <string>

namespace deepyeast {

// A path as the system's functions take it, also where it is longer than 260 characters. Throws Error("io-error") where
// it is no UTF-8.
std::wstring wide_path(const std::string& path);

// What the number of an error, as of GetLastError(), means.
std::string error_text(unsigned long number);

}  // namespace deepyeast
