// The only exception type that native code throws: a stable code (listed in src/errors.ts) and a message for the user.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace deepyeast {

class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const noexcept { return code_; }

 private:
  std::string code_;
};

}  // namespace deepyeast
