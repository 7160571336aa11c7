#include "profile.h"

#include <map>
#include <utility>

namespace deepyeast::cuda {

void Profile::begin() {
  timings_.clear();
  running_ = true;
}

std::string Profile::end() {
  running_ = false;
  check(cudaStreamSynchronize(stream_), "profiled work");
  std::map<std::string, std::pair<double, int>> totals;
  for (const Timing& timing : timings_) {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, timing.start->get(), timing.stop->get()), "cudaEventElapsedTime");
    totals[timing.name].first += static_cast<double>(milliseconds);
    totals[timing.name].second += 1;
  }
  timings_.clear();
  std::string text;
  for (const auto& [name, total] : totals)
    text += std::to_string(total.first) + "\t" + std::to_string(total.second) + "\t" + name + "\n";
  return text;
}

void Profile::timed(const std::function<std::string()>& name, const std::function<void()>& operation) {
  if (!running_) return operation();
  Timing timing{std::make_unique<Event>(true), std::make_unique<Event>(true), name()};
  timing.start->record(stream_);
  operation();
  timing.stop->record(stream_);
  timings_.push_back(std::move(timing));
}

double Profile::elapsed() {
  auto now = std::make_unique<Event>(true);
  now->record(stream_);
  now->wait_on_host();
  float milliseconds = -1;
  if (mark_) check(cudaEventElapsedTime(&milliseconds, mark_->get(), now->get()), "cudaEventElapsedTime");
  mark_ = std::move(now);
  return static_cast<double>(milliseconds);
}

}  // namespace deepyeast::cuda
