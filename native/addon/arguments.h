// Checks of the arguments from JavaScript: every number, array and object is validated here before memory is touched.
// Each function throws Error("invalid-argument") naming the argument, what was found and what was expected.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace deepyeast {

constexpr std::uint64_t kMaximumSafeInteger = (1ULL << 53) - 1;
constexpr std::uint64_t kMaximumThreads = 1024;

// A description of the value for messages: "number -1", "null", "Uint8Array(3)".
std::string described(const Napi::Value& value);

Napi::Value argument(const Napi::CallbackInfo& info, std::size_t index);
Napi::Object object_argument(const Napi::Value& value, const std::string& name);
double number_argument(const Napi::Value& value, const std::string& name, double low, double high);
// An integer of [low, high]; high at most 2^53 - 1.
std::uint64_t integer_argument(const Napi::Value& value, const std::string& name, std::uint64_t low,
                               std::uint64_t high);
bool boolean_argument(const Napi::Value& value, const std::string& name);
std::string string_argument(const Napi::Value& value, const std::string& name);

// Copies of typed arrays, so that a running call does not see what JavaScript does to the arrays afterwards.
std::vector<std::uint8_t> uint8_array(const Napi::Value& value, const std::string& name);
std::vector<std::uint32_t> uint32_array(const Napi::Value& value, const std::string& name);
std::vector<std::int32_t> int32_array(const Napi::Value& value, const std::string& name);
std::vector<float> float32_array(const Napi::Value& value, const std::string& name);
std::vector<double> float64_array(const Napi::Value& value, const std::string& name);
std::vector<std::string> string_array(const Napi::Value& value, const std::string& name, std::size_t limit);
std::vector<int> integer_array(const Napi::Value& value, const std::string& name, std::size_t limit);

// Throws Error("labels-invalid") for a label that is not in [0, classes).
void require_labels(const std::vector<std::int32_t>& labels, std::size_t classes);

}  // namespace deepyeast
