// Speed of the paper's network on CUDA through the engine, without Node: one measurement a process, printed as one line of
// JSON. bench/gpu/run.sh calls it.
//
//   gpu_bench LIBRARY doctor
//   gpu_bench LIBRARY training  PRECISION BATCH ITERATIONS
//   gpu_bench LIBRARY profile   PRECISION BATCH
//   gpu_bench LIBRARY inference PRECISION BATCH
//
// LIBRARY is the path of libdeepyeast_cuda.so. Exits with 4 where CUDA cannot be used; the line then has an "error".
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

#include "../../cuda/client/cuda_backend.h"
#include "../../cuda/client/loader.h"
#include "../../engine/network.h"
#include "../backends.h"

namespace {

using namespace deepyeast;
using deepyeast::test::Values;

constexpr int kHeld = 20000;   // images of the training set on the device
constexpr int kRepeats = 5;    // medians are of as many

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') result += '\\';
    if (letter == '\n') result += "\\n";
    else if (static_cast<unsigned char>(letter) >= 32) result += letter;
  }
  return result + "\"";
}

double now() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

struct Bench {
  CudaBackend* backend;  // the network's
  std::unique_ptr<Network> network;
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
  std::size_t image_bytes;

  Bench(const CudaTable& table, const std::string& precision, int count) {
    CudaBackendOptions options;
    options.precision = cuda_precision(precision);
    const char* cache = std::getenv("DEEPYEAST_CACHE");
    options.cache_folder = cache != nullptr ? cache : "";
    std::unique_ptr<CudaBackend> made = make_cuda_backend(table, options);
    backend = made.get();
    const Topology topology;
    network = std::make_unique<Network>(topology, 1, std::move(made));
    image_bytes = static_cast<std::size_t>(topology.image_size) * topology.image_size * topology.channels;
    Values random(3);
    images = random.bytes(static_cast<std::size_t>(count) * image_bytes);
    labels = random.labels(static_cast<std::size_t>(count), topology.classes);
  }

  void hold() {
    backend->hold_images(1, images.size() / image_bytes, image_bytes,
                         [&](std::uint64_t first, std::size_t number, std::uint8_t* target) {
                           std::copy_n(images.begin() + static_cast<std::ptrdiff_t>(first * image_bytes),
                                       number * image_bytes, target);
                         });
  }

  // Milliseconds an iteration, results read once at the end as the addon does.
  double train(int batch, int iterations, std::uint32_t first) {
    std::vector<std::uint32_t> rows(static_cast<std::size_t>(batch));
    std::vector<std::int32_t> classes(rows.size());
    const std::size_t held = images.size() / image_bytes;
    Optimizer optimizer;
    optimizer.augment = true;
    const double start = now();
    for (int i = 0; i < iterations; ++i) {
      for (std::size_t j = 0; j < rows.size(); ++j) {
        rows[j] = static_cast<std::uint32_t>((static_cast<std::size_t>(i) * 7919 + j * 104729) % held);
        classes[j] = labels[rows[j]];
      }
      network->begin_step(nullptr, rows.data(), classes.data(), batch, first + static_cast<std::uint32_t>(i), 0.01f,
                          optimizer);
    }
    network->finish_steps();
    return (now() - start) / iterations;
  }
};

void training(const CudaTable& table, const std::string& precision, int batch, int iterations) {
  Bench bench(table, precision, kHeld);
  const std::size_t before = bench.backend->available_memory();
  bench.hold();
  bench.train(batch, 20, 0);  // plans, recording
  std::vector<double> times;
  for (int repeat = 0; repeat < kRepeats; ++repeat)
    times.push_back(bench.train(batch, iterations, static_cast<std::uint32_t>(100 + repeat * iterations)));
  const std::size_t after = bench.backend->available_memory();
  std::printf("{\"precision\":%s,\"batch\":%d,\"msPerIteration\":%.5f,\"imagesPerSecond\":%.1f,\"worstMs\":%.5f,"
              "\"deviceBytes\":%zu,\"notes\":%s}\n",
              quoted(precision).c_str(), batch, median(times), batch / median(times) * 1e3,
              *std::max_element(times.begin(), times.end()), before > after ? before - after : 0,
              quoted(bench.backend->notes()).c_str());
}

void profile(const CudaTable& table, const std::string& precision, int batch) {
  Bench bench(table, precision, kHeld);
  bench.hold();
  bench.train(batch, 5, 0);
  bench.backend->profile_begin();
  bench.train(batch, 20, 100);
  std::istringstream lines(bench.backend->profile_end());
  std::vector<std::pair<double, std::string>> operations;
  double total = 0;
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
    operations.emplace_back(std::atof(line.c_str()) / 20, line.substr(second + 1));
    total += operations.back().first;
  }
  std::sort(operations.rbegin(), operations.rend());
  std::printf("{\"precision\":%s,\"batch\":%d,\"sumMs\":%.5f,\"operations\":[", quoted(precision).c_str(), batch, total);
  for (std::size_t i = 0; i < operations.size(); ++i)
    std::printf("%s{\"name\":%s,\"ms\":%.5f,\"share\":%.4f}", i ? "," : "", quoted(operations[i].second).c_str(),
                operations[i].first, operations[i].first / total);
  std::printf("],\"plans\":%s}\n", quoted(bench.backend->plans()).c_str());
}

void inference(const CudaTable& table, const std::string& precision, int batch) {
  Bench bench(table, precision, batch);
  std::vector<float> posterior(static_cast<std::size_t>(batch) * 12);
  // Images come by way of the reader, as from a file.
  const Network::ImageReader read = [&](std::size_t first, int count, std::uint8_t* target) {
    std::copy_n(bench.images.begin() + static_cast<std::ptrdiff_t>(first * bench.image_bytes),
                static_cast<std::size_t>(count) * bench.image_bytes, target);
  };
  const auto run = [&] { bench.network->forward(read, static_cast<std::size_t>(batch), nullptr, posterior.data()); };
  for (int i = 0; i < 5; ++i) run();
  const int calls = std::max(1, std::min(200, 20000 / batch));
  std::vector<double> times;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const double start = now();
    for (int i = 0; i < calls; ++i) run();
    times.push_back((now() - start) / calls);
  }
  bool finite = true;
  for (const float value : posterior) finite = finite && std::isfinite(value);
  std::printf("{\"precision\":%s,\"batch\":%d,\"msPerCall\":%.5f,\"imagesPerSecond\":%.1f,\"finite\":%s,\"notes\":%s}\n",
              quoted(precision).c_str(), batch, median(times), batch / median(times) * 1e3, finite ? "true" : "false",
              quoted(bench.backend->notes()).c_str());
}

void doctor(const CudaReport& report) {
  std::printf("{\"library\":%s,\"loaded\":%s,\"driver\":%d,\"runtime\":%d,\"cudnn\":%d,\"cublas\":%d,\"devices\":[",
              quoted(report.library).c_str(), report.loaded ? "true" : "false", report.versions.driver,
              report.versions.runtime, report.versions.cudnn, report.versions.cublas);
  for (std::size_t i = 0; i < report.devices.size(); ++i)
    std::printf("%s{\"name\":%s,\"computeCapability\":\"%d.%d\",\"multiprocessors\":%d,\"memory\":%llu}", i ? "," : "",
                quoted(report.devices[i].name).c_str(), report.devices[i].major, report.devices[i].minor,
                report.devices[i].multiprocessors, static_cast<unsigned long long>(report.devices[i].memory));
  std::printf("],\"dependencies\":[");
  for (std::size_t i = 0; i < report.dependencies.size(); ++i)
    std::printf("%s{\"name\":%s,\"path\":%s}", i ? "," : "", quoted(report.dependencies[i].name).c_str(),
                quoted(report.dependencies[i].path).c_str());
  std::printf("],\"problems\":[");
  for (std::size_t i = 0; i < report.problems.size(); ++i)
    std::printf("%s{\"code\":%s,\"message\":%s}", i ? "," : "", quoted(report.problems[i].code).c_str(),
                quoted(report.problems[i].message).c_str());
  std::printf("]}\n");
}

}  // namespace

int main(int count, char** arguments) {
  const std::string library = count > 1 ? arguments[1] : "", section = count > 2 ? arguments[2] : "";
  const std::string precision = count > 3 ? arguments[3] : "";
  const int batch = count > 4 ? std::atoi(arguments[4]) : 0, iterations = count > 5 ? std::atoi(arguments[5]) : 0;
  const bool valid = section == "doctor" || (section == "training" && batch > 1 && iterations > 0) ||
                     (section == "profile" && batch > 1) || (section == "inference" && batch > 0);
  if (!valid) {
    std::fprintf(stderr,
                 "usage: gpu_bench LIBRARY doctor | training PRECISION BATCH ITERATIONS | profile PRECISION BATCH | "
                 "inference PRECISION BATCH\n");
    return 2;
  }
  const CudaReport report = inspect_cuda(library, this_machine());
  if (section == "doctor") {
    doctor(report);
    return report.problems.empty() ? 0 : 4;
  }
  try {
    const CudaTable& table = *open_cuda(library, this_machine());
    if (section == "training") training(table, precision, batch, iterations);
    else if (section == "profile") profile(table, precision, batch);
    else inference(table, precision, batch);
    return 0;
  } catch (const Error& error) {
    std::printf("{\"error\":%s,\"code\":%s}\n", quoted(error.what()).c_str(), quoted(error.code()).c_str());
    return 4;
  }
}
