#include "tensor_file.h"

#include <cmath>
#include <cstdio>
#include <cstring>

#include "../system/error.h"
#include "../system/read_at.h"

namespace deepyeast {
namespace {

std::string text_of(float value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", static_cast<double>(value));
  return text;
}

[[noreturn]] void refuse(const std::string& path, const TensorPlace& tensor, float found, const char* expected) {
  throw Error("model-invalid", path + " has " + text_of(found) + " in tensor " + tensor.name + "; expected " + expected +
                                   "; use another checkpoint");
}

// NaN and infinities have all bits of the exponent.
bool all_finite(const float* values, std::size_t count) {
  std::uint32_t bad = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, values + i, sizeof bits);
    bad |= (bits & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
  }
  return bad == 0;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

void read_values(FileHandle file, const std::string& path, const TensorPlace& tensor, std::size_t first,
                 std::size_t count, float* values) {
  const std::uint64_t position = tensor.position + first * sizeof(float);
  const std::size_t bytes = count * sizeof(float), done = read_at(file, path, position, values, bytes);
  if (done < bytes) {
    throw Error("model-invalid",
                path + " is truncated: it ended at byte " + std::to_string(position + done) + "; copy it again");
  }
  const bool variance = ends_with(tensor.name, ".running_variance");
  if (all_finite(values, count) && !variance) return;
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) refuse(path, tensor, values[i], "finite numbers");
    if (variance && values[i] < 0) refuse(path, tensor, values[i], "variances");
  }
}

}  // namespace deepyeast
