#include "context.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace deepyeast::cuda {
namespace {

constexpr std::size_t kBlockAlignment = 256;
constexpr std::size_t kMostDownloads = std::size_t{64} << 20;  // bytes of results that may wait for finish()

std::size_t aligned(std::size_t bytes) { return (bytes + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment; }

std::string bytes_text(std::size_t bytes) { return std::to_string(bytes) + " bytes"; }

}  // namespace

DeviceMemory::DeviceMemory(std::size_t bytes, cudaStream_t stream, const std::string& what) : size_(bytes) {
  if (bytes == 0) return;
  check(cudaMalloc(&data_, bytes), "cudaMalloc(" + bytes_text(bytes) + ") for " + what);
  const cudaError_t status = cudaMemsetAsync(data_, 0, bytes, stream);
  if (status == cudaSuccess) return;
  cudaFree(data_);
  data_ = nullptr;
  check(status, "cudaMemsetAsync(" + bytes_text(bytes) + ")");
}

DeviceMemory::~DeviceMemory() {
  if (data_ != nullptr) cudaFree(data_);
}

DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

PinnedMemory::PinnedMemory(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  void* memory = nullptr;
  check(cudaMallocHost(&memory, bytes), "cudaMallocHost(" + bytes_text(bytes) + ")");
  data_ = static_cast<std::uint8_t*>(memory);
}

PinnedMemory::~PinnedMemory() {
  if (data_ != nullptr) cudaFreeHost(data_);
}

PinnedMemory::PinnedMemory(PinnedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

PinnedMemory& PinnedMemory::operator=(PinnedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Event::Event(bool timed) {
  check(cudaEventCreateWithFlags(&event_, timed ? cudaEventDefault : cudaEventDisableTiming), "cudaEventCreate");
}

Event::~Event() {
  if (event_ != nullptr) cudaEventDestroy(event_);
}

void Event::record(cudaStream_t stream) {
  check(cudaEventRecord(event_, stream), "cudaEventRecord");
  recorded_ = true;
}

void Event::wait_on_host() const {
  if (recorded_) check(cudaEventSynchronize(event_), "cudaEventSynchronize");
}

void Event::wait_in(cudaStream_t stream) const {
  if (recorded_) check(cudaStreamWaitEvent(stream, event_, 0), "cudaStreamWaitEvent");
}

CudaStreamHandle::CudaStreamHandle() {
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
}

CudaStreamHandle::~CudaStreamHandle() {
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
}

void StagingSlot::resize(std::size_t bytes) {
  // The host's last, since size() is its: where the device has no room the slot stays as it was.
  device_ = DeviceMemory(bytes, copy_stream_, "images");
  host_ = PinnedMemory(bytes);
}

void StagingSlot::copy(std::size_t bytes) {
  used_.wait_in(copy_stream_);
  check(cudaMemcpyAsync(device_.data(), host_.data(), bytes, cudaMemcpyHostToDevice, copy_stream_),
        "copy of " + bytes_text(bytes) + " of images to the device");
  copied_.record(copy_stream_);
  copied_.wait_in(stream_);
}

namespace {

// The members of a context are made on its device.
int entered(int device) {
  check(cudaSetDevice(device), "cudaSetDevice(" + std::to_string(device) + ")");
  return device;
}

}  // namespace

const char* precision_name(CudaPrecision precision) {
  switch (precision) {
    case cuda_bfloat16: return "bfloat16";
    case cuda_tf32: return "tf32";
    default: return "float32";
  }
}

Context::Context(const CudaOptions& options) : device_(entered(options.device)), precision_(options.precision) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, device_), "cudaGetDeviceProperties");
  device_name_ = properties.name;
  description_ = "cuda (" + device_name_ + ", " + precision_name(precision_) + ")";
  check(cudnnCreate(&cudnn_), "cudnnCreate");
  try {
    check(cudnnSetStream(cudnn_, stream_), "cudnnSetStream");
    check(cublasLtCreate(&cublas_), "cublasLtCreate");
    plan_cache_ = std::make_unique<PlanCache>(
        options.cache_folder != nullptr ? options.cache_folder : "",
        device_name_ + " sm_" + std::to_string(properties.major) + std::to_string(properties.minor) + " | cuDNN " +
            std::to_string(cudnnGetVersion()) + ", cuBLASLt " + std::to_string(cublasLtGetVersion()));
    results_ = DeviceMemory(sizeof(Results), stream_, "results");
  } catch (...) {
    if (cublas_ != nullptr) cublasLtDestroy(cublas_);
    cudnnDestroy(cudnn_);
    throw;
  }
}

Context::~Context() {
  // Nothing here may throw; a device that has failed answers every call with an error.
  cudaSetDevice(device_);
  cudaStreamSynchronize(copy_stream_);
  cudaStreamSynchronize(stream_);
  cublasLtDestroy(cublas_);
  cudnnDestroy(cudnn_);
}

std::size_t Context::available_memory() const {
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return free;
}

float* Context::allocate(std::size_t bytes) {
  DeviceMemory memory(std::max<std::size_t>(bytes, 4), stream_, "a tensor");
  float* pointer = memory.as<float>();
  buffers_[pointer] = std::move(memory);
  return pointer;
}

void Context::release(float* memory) {
  const auto found = buffers_.find(memory);
  if (found == buffers_.end()) return;
  cudaStreamSynchronize(stream_);  // what still reads it ends first
  buffers_.erase(found);
}

void* Context::workspace(std::size_t bytes) {
  if (bytes > workspace_.size()) {
    DeviceMemory larger(bytes, stream_, "workspace");
    retire(std::move(workspace_));
    workspace_ = std::move(larger);
  }
  return workspace_.data();
}

void Context::upload(const void* host, std::size_t bytes, void* device) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream_),
        "copy of " + bytes_text(bytes) + " to the device");
  check(cudaStreamSynchronize(stream_), "work before a copy to the device");
}

void Context::download(const void* device, std::size_t bytes, void* host) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream_),
        "copy of " + bytes_text(bytes) + " from the device");
  check(cudaStreamSynchronize(stream_), "work before a copy from the device");
}

void Context::download_later(const void* device, std::size_t bytes, void* host) {
  if (bytes == 0) return;
  if (bytes > kMostDownloads) return download(device, bytes, host);
  if (downloads_used_ + bytes > kMostDownloads) finish();
  if (downloads_.size() < downloads_used_ + bytes) {
    finish();
    if (downloads_.size() < bytes) downloads_ = PinnedMemory(std::min(kMostDownloads, std::max(4 * bytes, std::size_t{1} << 20)));
  }
  check(cudaMemcpyAsync(downloads_.data() + downloads_used_, device, bytes, cudaMemcpyDeviceToHost, stream_),
        "copy of " + bytes_text(bytes) + " from the device");
  pending_.push_back({downloads_used_, bytes, host});
  downloads_used_ += (bytes + 63) / 64 * 64;
}

void Context::finish() {
  const std::vector<Pending> pending = std::exchange(pending_, {});
  downloads_used_ = 0;
  if (pending.empty()) return;
  check(cudaStreamSynchronize(stream_), "enqueued work");
  for (const Pending& copy : pending) std::memcpy(copy.host, downloads_.data() + copy.offset, copy.bytes);
}

bool Context::hold(std::uint64_t id, std::uint64_t count, std::size_t image_bytes) {
  check(cudaStreamSynchronize(stream_), "iterations on the images held before");
  held_ = DeviceMemory();
  held_complete_ = false;
  held_id_ = 0;
  const std::uint64_t bytes = count * image_bytes;
  // The rest is for activations: images that take more than half of what is free are streamed.
  if (bytes == 0 || bytes > available_memory() / 2) return false;
  try {
    held_ = DeviceMemory(static_cast<std::size_t>(bytes), stream_, "the training set");
  } catch (const Error& error) {
    if (error.code() != "out-of-memory") throw;
    return false;  // in pieces there may be enough, in one there is not
  }
  held_id_ = id;
  held_image_bytes_ = image_bytes;
  return true;
}

void Context::put(std::uint64_t first, std::size_t number, const std::uint8_t* images, bool last) {
  const std::size_t bytes = number * held_image_bytes_, offset = static_cast<std::size_t>(first) * held_image_bytes_;
  if (offset + bytes > held_.size()) throw Error("internal", "images beyond those that the device was to hold");
  // By way of a slot, so that reading the next stretch runs beside this copy.
  const std::uint8_t* staged = stage(images, bytes);
  check(cudaMemcpyAsync(held_.as<std::uint8_t>() + offset, staged, bytes, cudaMemcpyDeviceToDevice, stream_),
        "copy of the training set");
  staged_used();
  held_complete_ = last;
}

std::size_t Context::block_bytes(int batch) const {
  const std::size_t n = static_cast<std::size_t>(batch);
  return aligned(sizeof(IterationBlock)) + 2 * aligned(n * sizeof(std::int32_t)) + aligned(n);
}

const std::int32_t* Context::iteration_labels() const {
  return reinterpret_cast<const std::int32_t*>(block_.as<std::uint8_t>() + aligned(sizeof(IterationBlock)));
}

void Context::begin_iteration(const CudaIteration& iteration) {
  if (enqueued_ == most_pending) drain();
  if (iteration.batch > block_capacity_) {
    DeviceMemory larger(block_bytes(iteration.batch), stream_, "an iteration's labels");
    retire(std::move(block_));
    block_ = std::move(larger);
    block_capacity_ = iteration.batch;
  }
  const std::size_t n = static_cast<std::size_t>(iteration.batch);
  const std::size_t labels = aligned(sizeof(IterationBlock));
  const std::size_t rows = labels + aligned(static_cast<std::size_t>(block_capacity_) * sizeof(std::int32_t));
  const std::size_t codes = rows + aligned(static_cast<std::size_t>(block_capacity_) * sizeof(std::uint32_t));
  std::uint8_t* device = block_.as<std::uint8_t>();

  input_ = (input_ + 1) % inputs_.size();
  InputSlot& slot = inputs_[input_];
  slot.copied.wait_on_host();
  if (slot.host.size() < block_.size()) slot.host = PinnedMemory(block_.size());

  IterationBlock block{};
  iteration_staged_ = iteration.images != nullptr;
  if (iteration_staged_) {
    block.images =
        stage(iteration.images, n * static_cast<std::size_t>(iteration.size) * iteration.size * iteration.channels);
  } else {
    if (iteration.rows == nullptr || !held_complete_) throw Error("internal", "the device holds no training set");
    block.images = held_.as<std::uint8_t>();
    block.rows = reinterpret_cast<const std::uint32_t*>(device + rows);
    std::memcpy(slot.host.data() + rows, iteration.rows, n * sizeof(std::uint32_t));
  }
  if (iteration.augmentation != nullptr) {
    block.augmentation = device + codes;
    std::memcpy(slot.host.data() + codes, iteration.augmentation, n);
  }
  block.iteration = iteration.iteration;
  block.learning_rate = iteration.learning_rate;
  std::memcpy(slot.host.data(), &block, sizeof block);
  std::memcpy(slot.host.data() + labels, iteration.labels, n * sizeof(std::int32_t));
  check(cudaMemcpyAsync(device, slot.host.data(), block_.size(), cudaMemcpyHostToDevice, stream_),
        "copy of an iteration's labels to the device");
  slot.copied.record(stream_);
  in_iteration_ = true;
}

void Context::end_iteration() {
  if (!in_iteration_) return;
  in_iteration_ = false;
  if (iteration_staged_) staged_used();
  enqueued_ += 1;
}

// Fetches what iterations have left. Those after the first whose loss is not finite did not count.
void Context::drain() {
  if (enqueued_ == 0) return;
  std::vector<std::uint8_t> bytes(sizeof(Results));
  download(results_.data(), bytes.size(), bytes.data());
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

int Context::collect(StepResult* results, int capacity, bool* more) {
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

void Context::profile_begin() {
  timings_.clear();
  profiling_ = true;
}

std::string Context::profile_end() {
  profiling_ = false;
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

void Context::timed(const std::function<std::string()>& name, const std::function<void()>& operation) {
  if (!profiling_) return operation();
  Timing timing{std::make_unique<Event>(true), std::make_unique<Event>(true), name()};
  timing.start->record(stream_);
  operation();
  timing.stop->record(stream_);
  timings_.push_back(std::move(timing));
}

double Context::elapsed() {
  auto now = std::make_unique<Event>(true);
  now->record(stream_);
  now->wait_on_host();
  float milliseconds = -1;
  if (mark_) check(cudaEventElapsedTime(&milliseconds, mark_->get(), now->get()), "cudaEventElapsedTime");
  mark_ = std::move(now);
  return static_cast<double>(milliseconds);
}

void Context::note(const std::string& sentence) {
  if (std::find(notes_.begin(), notes_.end(), sentence) == notes_.end()) notes_.push_back(sentence);
}

std::string Context::notes() const {
  std::string text;
  for (const std::string& sentence : notes_) text += sentence + "\n";
  return text;
}

}  // namespace deepyeast::cuda
