#include "tensor_file.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "error.h"

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

void read_values(int file, const std::string& path, const TensorPlace& tensor, std::size_t first, std::size_t count,
                 float* values) {
  auto* target = reinterpret_cast<std::uint8_t*>(values);
  std::uint64_t position = tensor.position + first * sizeof(float);
  for (std::size_t remaining = count * sizeof(float); remaining > 0;) {
    const ssize_t done = ::pread(file, target, remaining, static_cast<off_t>(position));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw Error("io-error", "cannot read " + path + ": " + std::strerror(errno));
    if (done == 0) {
      throw Error("model-invalid",
                  path + " is truncated: it ended at byte " + std::to_string(position) + "; copy it again");
    }
    target += done;
    position += static_cast<std::uint64_t>(done);
    remaining -= static_cast<std::size_t>(done);
  }
  const bool variance = ends_with(tensor.name, ".running_variance");
  if (all_finite(values, count) && !variance) return;
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) refuse(path, tensor, values[i], "finite numbers");
    if (variance && values[i] < 0) refuse(path, tensor, values[i], "variances");
  }
}

}  // namespace deepyeast
