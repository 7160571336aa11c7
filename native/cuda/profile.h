// How long operations take, on the device's clock.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "stream.h"

namespace deepyeast::cuda {

class Profile {
 public:
  explicit Profile(cudaStream_t stream) : stream_(stream) {}
  bool running() const { return running_; }
  void begin();
  // Lines of milliseconds, calls and name.
  std::string end();
  // Runs `operation`, which enqueues what `name` is; times it while profiling.
  void timed(const std::function<std::string()>& name, const std::function<void()>& operation);
  // Waits for the device; milliseconds since the last call, negative the first time.
  double elapsed();

 private:
  struct Timing {
    std::unique_ptr<Event> start, stop;
    std::string name;
  };

  cudaStream_t stream_;
  bool running_ = false;
  std::vector<Timing> timings_;
  std::unique_ptr<Event> mark_;
};

}  // namespace deepyeast::cuda
