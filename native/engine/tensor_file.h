// Reading the values of tensors from a model file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "../system/file_handle.h"

namespace deepyeast {

struct TensorPlace {
  std::string name;
  std::uint64_t position;  // of its first value in the file, in bytes; values are float32
};

// Reads `count` values of a tensor from `first` on. Every number must be finite, and a running variance not negative.
// Safe from several threads. `path` is for messages.
// Throws Error("io-error") and, for what the file holds, Error("model-invalid").
void read_values(FileHandle file, const std::string& path, const TensorPlace& tensor, std::size_t first,
                 std::size_t count, float* values);

}  // namespace deepyeast
