// Backends and random data for the tests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../cpu/instruction_set.h"
#include "../engine/backend.h"

namespace deepyeast::test {

// A CPU backend on the given instruction set.
std::unique_ptr<Backend> make_backend(InstructionSet instruction_set, int threads);

// Calls function(backend, its name) for every instruction set that this machine has, with two threads, then for CUDA in
// float32, tf32 and bfloat16 where DEEPYEAST_TEST_CUDA names the CUDA library's file. Comparisons by the function allow at
// least the error that is allowed for the precision: 1e-5, 1e-3, 2e-2.
void for_each_backend(const std::function<void(Backend&, const std::string&)>& function);

// Deterministic values from Philox: uniform in [-1, 1), normal, or like an image after ReLU: max(0, mean + sigma n) with
// mean / sigma = 3.
class Values {
 public:
  explicit Values(std::uint64_t seed) : seed_(seed) {}
  std::vector<float> uniform(std::size_t count, double low = -1, double high = 1);
  std::vector<float> normal(std::size_t count, double mean = 0, double deviation = 1);
  std::vector<float> after_relu(std::size_t count);
  std::vector<std::uint8_t> bytes(std::size_t count);
  std::vector<std::int32_t> labels(std::size_t count, int classes);

 private:
  RandomStream next() { return RandomStream(seed_, Purpose::simulation, 0, stream_++); }
  std::uint64_t seed_;
  std::uint32_t stream_ = 0;
};

// Calls function(backend, its name) for CUDA alone; throws Skipped where DEEPYEAST_TEST_CUDA is not set.
void for_each_cuda_backend(const std::function<void(Backend&, const std::string&)>& function);
// A CUDA backend. Throws Skipped as above.
std::unique_ptr<Backend> make_cuda_test_backend(const std::string& precision);

// A backend's buffer filled with values, or with `count` NaNs, so that a test notices what an operation leaves unwritten.
class Device {
 public:
  Device(Backend& backend, const std::vector<float>& values);
  Device(Backend& backend, std::size_t count);
  virtual ~Device() = default;
  float* data() { return buffer_->data(); }
  operator float*() { return buffer_->data(); }
  virtual std::vector<float> values();

 protected:
  Device(Backend& backend, std::unique_ptr<Buffer> buffer, std::size_t count)
      : backend_(backend), buffer_(std::move(buffer)), count_(count) {}
  Backend& backend_;
  std::unique_ptr<Buffer> buffer_;
  std::size_t count_;
};

// The same for activations, which a device may keep in another type.
class Activations : public Device {
 public:
  Activations(Backend& backend, const std::vector<float>& values);
  Activations(Backend& backend, std::size_t count);
  std::vector<float> values() override;
};

// The values as the backend's activations keep them, so that a reference sees the same.
std::vector<float> representable(Backend& backend, const std::vector<float>& values);

std::vector<double> to_double(const std::vector<float>& values);

}  // namespace deepyeast::test
