#include "test.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace deepyeast::test {

namespace {

struct Entry {
  const char* name;
  void (*function)();
};

std::vector<Entry>& entries() {
  static std::vector<Entry> all;
  return all;
}

}  // namespace

bool add(const char* name, void (*function)()) {
  entries().push_back({name, function});
  return true;
}

void expect(bool condition, const std::string& message) {
  if (!condition) throw Failure(message);
}

double error_of(const std::vector<float>& values, const std::vector<double>& reference) {
  double largest = 0, scale = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double difference = std::abs(values[i] - reference[i]);
    if (!(difference <= largest)) largest = difference;  // keeps what is not a number
    scale = std::max(scale, std::abs(reference[i]));
  }
  return scale > 0 ? largest / scale : largest;
}

void expect_close(const std::vector<float>& values, const std::vector<double>& reference, double tolerance,
                  const std::string& what) {
  expect(values.size() == reference.size(), what + ": " + std::to_string(values.size()) + " values, expected " +
                                                std::to_string(reference.size()));
  const double error = error_of(values, reference);
  tolerance = std::max(tolerance, least_tolerance);
  char text[64];
  std::snprintf(text, sizeof text, ": error %.3g, allowed %.3g", error, tolerance);
  expect(error <= tolerance, what + text);
}

void expect_same(const std::vector<float>& values, const std::vector<float>& reference, const std::string& what) {
  expect(values.size() == reference.size(), what + ": sizes differ");
  if (least_tolerance > 0) return expect_close(values, {reference.begin(), reference.end()}, 0, what);
  if (values.empty() || std::memcmp(values.data(), reference.data(), values.size() * sizeof(float)) == 0) return;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::memcmp(&values[i], &reference[i], sizeof(float)) == 0) continue;
    throw Failure(what + ": element " + std::to_string(i) + " is " + std::to_string(values[i]) + ", expected " +
                  std::to_string(reference[i]));
  }
}

}  // namespace deepyeast::test

// Runs every test whose name contains one of the arguments, or all, but for those that contain one given after a minus.
int main(int count, char** arguments) {
  using namespace deepyeast::test;
  std::vector<std::string> wanted, unwanted;
  for (int i = 1; i < count; ++i) {
    if (arguments[i][0] == '-') unwanted.push_back(arguments[i] + 1);
    else wanted.push_back(arguments[i]);
  }
  const auto among = [](const std::vector<std::string>& parts, const std::string& name) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](const std::string& part) { return name.find(part) != std::string::npos; });
  };
  int passed = 0, failed = 0, skipped = 0;
  std::sort(entries().begin(), entries().end(),
            [](const Entry& a, const Entry& b) { return std::strcmp(a.name, b.name) < 0; });
  for (const Entry& entry : entries()) {
    if ((!wanted.empty() && !among(wanted, entry.name)) || among(unwanted, entry.name)) continue;
    try {
      entry.function();
      std::printf("ok   %s\n", entry.name);
      ++passed;
    } catch (const Skipped& reason) {
      std::printf("skip %s: %s\n", entry.name, reason.what());
      ++skipped;
    } catch (const std::exception& failure) {
      std::printf("FAIL %s: %s\n", entry.name, failure.what());
      ++failed;
    }
    std::fflush(stdout);
  }
  std::printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  return failed > 0 ? 1 : 0;
}
