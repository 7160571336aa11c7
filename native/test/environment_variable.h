// A variable of the environment that has another value while the object exists.
#pragma once

#include <string>

namespace deepyeast::test {

class EnvironmentVariable {
 public:
  EnvironmentVariable(std::string name, const std::string& value);
  ~EnvironmentVariable();
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  std::string name_, before_;
  bool was_set_;
};

}  // namespace deepyeast::test
