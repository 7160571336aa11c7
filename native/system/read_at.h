// Reading a file by position, which several threads may do with the same file at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "file_handle.h"

namespace deepyeast {

// Reads `bytes` bytes from `position` (in bytes) on into `target`. Returns how many there were: fewer than `bytes` only
// where the file ends. `path` is for the message. Throws Error("io-error").
std::size_t read_at(FileHandle file, const std::string& path, std::uint64_t position, void* target, std::size_t bytes);

}  // namespace deepyeast
