#include "backends.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "../cpu/cpu_backend.h"
#include "../cuda/client/cuda_backend.h"
#include "../cuda/client/loader.h"
#include "environment_variable.h"
#include "test.h"

namespace deepyeast::test {

std::unique_ptr<Backend> make_backend(InstructionSet instruction_set, int threads) {
  const EnvironmentVariable isa("DEEPYEAST_ISA", name_of(instruction_set));
  return make_cpu_backend(threads);
}

void for_each_backend(const std::function<void(Backend&, const std::string&)>& function) {
  for (const InstructionSet set : available_instruction_sets()) {
    const std::unique_ptr<Backend> backend = make_backend(set, 2);
    function(*backend, name_of(set));
  }
  if (std::getenv("DEEPYEAST_TEST_CUDA") != nullptr) for_each_cuda_backend(function);
}

std::unique_ptr<Backend> make_cuda_test_backend(const std::string& precision) {
  const char* library = std::getenv("DEEPYEAST_TEST_CUDA");
  if (library == nullptr) throw Skipped("DEEPYEAST_TEST_CUDA does not name a CUDA library");
  CudaBackendOptions options;
  options.precision = cuda_precision(precision);
  return make_cuda_backend(*open_cuda(library, this_machine()), options);
}

void for_each_cuda_backend(const std::function<void(Backend&, const std::string&)>& function) {
  const struct {
    const char* precision;
    double allowed;
  } all[] = {{"float32", 1e-5}, {"tf32", 1e-3}, {"bfloat16", 2e-2}};
  for (const auto& each : all) {
    const std::unique_ptr<Backend> backend = make_cuda_test_backend(each.precision);
    const LeastTolerance tolerance(each.allowed);
    function(*backend, std::string("cuda ") + each.precision);
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

Activations::Activations(Backend& backend, const std::vector<float>& values)
    : Device(backend, backend.allocate_activations(values.size()), values.size()) {
  backend.upload_activations(values.data(), values.size(), buffer_->data());
}

Activations::Activations(Backend& backend, std::size_t count)
    : Activations(backend, std::vector<float>(count, std::numeric_limits<float>::quiet_NaN())) {}

std::vector<float> Activations::values() {
  std::vector<float> values(count_);
  backend_.download_activations(buffer_->data(), count_, values.data());
  return values;
}

std::vector<float> representable(Backend& backend, const std::vector<float>& values) {
  return Activations(backend, values).values();
}

std::vector<double> to_double(const std::vector<float>& values) { return {values.begin(), values.end()}; }

}  // namespace deepyeast::test
