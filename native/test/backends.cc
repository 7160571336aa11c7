#include "backends.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace deepyeast::test {

std::unique_ptr<Backend> make_backend(InstructionSet instruction_set, int threads) {
  const char* before = std::getenv("DEEPYEAST_ISA");
  const std::string kept = before != nullptr ? before : "";
  setenv("DEEPYEAST_ISA", name_of(instruction_set), 1);
  std::unique_ptr<Backend> backend = make_cpu_backend(threads);
  if (before != nullptr) setenv("DEEPYEAST_ISA", kept.c_str(), 1);
  else unsetenv("DEEPYEAST_ISA");
  return backend;
}

void for_each_backend(const std::function<void(Backend&, const std::string&)>& function) {
  for (const InstructionSet set : available_instruction_sets()) {
    const std::unique_ptr<Backend> backend = make_backend(set, 2);
    function(*backend, name_of(set));
  }
}

std::vector<float> Values::uniform(std::size_t count, double low, double high) {
  const RandomStream stream = next();
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(low + (high - low) * stream.word(i) / 4294967296.0);
  return values;
}

std::vector<float> Values::normal(std::size_t count, double mean, double deviation) {
  std::vector<double> normals(count);
  next().normals(0, count, normals.data());
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(mean + deviation * normals[i]);
  return values;
}

std::vector<float> Values::after_relu(std::size_t count) {
  std::vector<float> values = normal(count, 3, 1);
  for (float& value : values) value = std::max(value, 0.0f);
  return values;
}

std::vector<std::uint8_t> Values::bytes(std::size_t count) {
  const RandomStream stream = next();
  std::vector<std::uint8_t> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<std::uint8_t>(stream.word(i));
  return values;
}

std::vector<std::int32_t> Values::labels(std::size_t count, int classes) {
  const RandomStream stream = next();
  std::vector<std::int32_t> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<std::int32_t>(stream.word(i) % static_cast<std::uint32_t>(classes));
  return values;
}

Device::Device(Backend& backend, const std::vector<float>& values)
    : backend_(backend), buffer_(backend.allocate(values.size())), count_(values.size()) {
  backend.upload(values.data(), values.size(), buffer_->data());
}

Device::Device(Backend& backend, std::size_t count)
    : Device(backend, std::vector<float>(count, std::numeric_limits<float>::quiet_NaN())) {}

std::vector<float> Device::values() {
  std::vector<float> values(count_);
  backend_.download(buffer_->data(), count_, values.data());
  return values;
}

std::vector<double> to_double(const std::vector<float>& values) { return {values.begin(), values.end()}; }

}  // namespace deepyeast::test
