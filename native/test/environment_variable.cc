#include "environment_variable.h"

#include <cstdlib>
#include <utility>

namespace deepyeast::test {
namespace {

#if defined(_WIN32)
void set(const std::string& name, const std::string& value) { _putenv_s(name.c_str(), value.c_str()); }
void unset(const std::string& name) { _putenv_s(name.c_str(), ""); }
#else
void set(const std::string& name, const std::string& value) { setenv(name.c_str(), value.c_str(), 1); }
void unset(const std::string& name) { unsetenv(name.c_str()); }
#endif

}  // namespace

EnvironmentVariable::EnvironmentVariable(std::string name, const std::string& value) : name_(std::move(name)) {
  const char* before = std::getenv(name_.c_str());
  was_set_ = before != nullptr;
  if (was_set_) before_ = before;
  set(name_, value);
}

EnvironmentVariable::~EnvironmentVariable() {
  if (was_set_) set(name_, before_);
  else unset(name_);
}

}  // namespace deepyeast::test
