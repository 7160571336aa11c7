#include "iterations.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace deepyeast::cuda {

namespace {

constexpr std::size_t kBlockAlignment = 256;

std::size_t aligned(std::size_t bytes) { return (bytes + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment; }

}  // namespace

Iterations::Iterations(cudaStream_t stream, Staging<StagingSlot>& staging, const TrainingSet& training_set,
                       RetiredMemory& retired)
    : stream_(stream),
      staging_(staging),
      training_set_(training_set),
      retired_(retired),
      results_(sizeof(Results), stream, "results") {}

Iterations::Places::Places(int batch, int classes) {
  const std::size_t n = static_cast<std::size_t>(batch);
  labels = aligned(sizeof(IterationBlock));
  rows = labels + aligned(n * sizeof(std::int32_t));
  codes = rows + aligned(n * sizeof(std::uint32_t));
  perturbations = codes + aligned(n);
  targets = perturbations + aligned(n * sizeof(CellPerturbation));
  end = targets + aligned(n * static_cast<std::size_t>(classes) * sizeof(float));
}

const std::int32_t* Iterations::labels() const {
  return reinterpret_cast<const std::int32_t*>(block_.as<std::uint8_t>() + aligned(sizeof(IterationBlock)));
}

void Iterations::begin(const CudaIteration& iteration) {
  if (enqueued_ == most_pending) drain();
  if (iteration.batch > block_capacity_ || iteration.classes > block_classes_) {
    const int batch = std::max(iteration.batch, block_capacity_), classes = std::max(iteration.classes, block_classes_);
    DeviceMemory larger(Places(batch, classes).end, stream_, "an iteration's labels");
    retired_.add(std::exchange(block_, std::move(larger)));
    block_capacity_ = batch;
    block_classes_ = classes;
  }
  const std::size_t n = static_cast<std::size_t>(iteration.batch);
  const Places places(block_capacity_, block_classes_);
  std::uint8_t* device = block_.as<std::uint8_t>();

  input_ = (input_ + 1) % inputs_.size();
  InputSlot& slot = inputs_[input_];
  slot.copied.wait_on_host();
  if (slot.host.size() < block_.size()) slot.host = PinnedMemory(block_.size());

  IterationBlock block{};
  staged_ = iteration.images != nullptr;
  if (staged_) {
    block.images =
        staging_.stage(iteration.images, n * static_cast<std::size_t>(iteration.size) * iteration.size * iteration.channels);
  } else {
    if (iteration.rows == nullptr || !training_set_.complete()) throw Error("internal", "the device holds no training set");
    block.images = training_set_.images();
    block.rows = reinterpret_cast<const std::uint32_t*>(device + places.rows);
    std::memcpy(slot.host.data() + places.rows, iteration.rows, n * sizeof(std::uint32_t));
  }
  if (iteration.augmentation != nullptr) {
    block.augmentation = device + places.codes;
    std::memcpy(slot.host.data() + places.codes, iteration.augmentation, n);
  }
  if (iteration.perturbations != nullptr) {
    block.perturbations = reinterpret_cast<const CellPerturbation*>(device + places.perturbations);
    std::memcpy(slot.host.data() + places.perturbations, iteration.perturbations, n * sizeof(CellPerturbation));
  }
  if (iteration.targets != nullptr) {
    block.targets = reinterpret_cast<const float*>(device + places.targets);
    std::memcpy(slot.host.data() + places.targets, iteration.targets,
                n * static_cast<std::size_t>(iteration.classes) * sizeof(float));
  }
  block.iteration = iteration.iteration;
  block.learning_rate = iteration.learning_rate;
  std::memcpy(slot.host.data(), &block, sizeof block);
  std::memcpy(slot.host.data() + places.labels, iteration.labels, n * sizeof(std::int32_t));
  check(cudaMemcpyAsync(device, slot.host.data(), block_.size(), cudaMemcpyHostToDevice, stream_),
        "copy of an iteration's labels to the device");
  slot.copied.record(stream_);
  running_ = true;
}

void Iterations::end() {
  if (!running_) return;
  running_ = false;
  if (staged_) staging_.used();
  enqueued_ += 1;
}

// Fetches what iterations have left. Those after the first whose loss is not finite did not count.
void Iterations::drain() {
  if (enqueued_ == 0) return;
  std::vector<std::uint8_t> bytes(sizeof(Results));
  copy_to_host(results_.data(), bytes.size(), bytes.data(), stream_);
  Results results;
  std::memcpy(&results, bytes.data(), sizeof results);
  check(cudaMemsetAsync(results_.data(), 0, sizeof results.number, stream_), "cudaMemsetAsync");
  enqueued_ = 0;
  const int number = static_cast<int>(std::min<std::uint32_t>(results.number, most_pending));
  for (int i = 0; i < number && !diverged_; ++i) {
    fetched_.push_back(results.results[i]);
    diverged_ = !std::isfinite(results.results[i].loss);
  }
}

int Iterations::collect(StepResult* results, int capacity, bool* more) {
  drain();
  const int count = static_cast<int>(std::min<std::size_t>(fetched_.size(), static_cast<std::size_t>(capacity)));
  std::copy_n(fetched_.begin(), count, results);
  fetched_.erase(fetched_.begin(), fetched_.begin() + count);
  *more = !fetched_.empty();
  if (!*more) {
    diverged_ = false;
    check(cudaMemsetAsync(results_.data(), 0, 2 * sizeof(std::uint32_t), stream_), "cudaMemsetAsync");
  }
  return count;
}

}  // namespace deepyeast::cuda
