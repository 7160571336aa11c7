// A minimal test runner: named functions, expectations that throw, a summary line.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace deepyeast::test {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct Skipped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

bool add(const char* name, void (*function)());

// Throws Failure with the message unless the condition holds.
void expect(bool condition, const std::string& message);

// max|values - reference| / max|reference| (definitions: "Error"); the plain maximum where the reference is all zero.
double error_of(const std::vector<float>& values, const std::vector<double>& reference);
// Throws Failure when sizes differ, a value is not finite or the error is above the tolerance.
void expect_close(const std::vector<float>& values, const std::vector<double>& reference, double tolerance,
                  const std::string& what);
// While such an object exists, comparisons allow at least its error, and so does expect_same.
inline double least_tolerance = 0;
class LeastTolerance {
 public:
  explicit LeastTolerance(double tolerance) { least_tolerance = tolerance; }
  ~LeastTolerance() { least_tolerance = 0; }
  LeastTolerance(const LeastTolerance&) = delete;
  LeastTolerance& operator=(const LeastTolerance&) = delete;
};

// Throws Failure unless all bits agree.
void expect_same(const std::vector<float>& values, const std::vector<float>& reference, const std::string& what);

}  // namespace deepyeast::test

// Defines and registers a test.
#define TEST(name)                                                                \
  static void name();                                                             \
  [[maybe_unused]] static const bool name##_added = deepyeast::test::add(#name, name); \
  static void name()
