// Speed of the paper's network on CUDA through the engine, without Node: prints lines of JSON. bench/gpu/run.sh calls it.
//
//   gpu_bench LIBRARY doctor
//   gpu_bench LIBRARY training  PRECISION BATCH ITERATIONS
//   gpu_bench LIBRARY profile   PRECISION BATCH
//   gpu_bench LIBRARY inference PRECISION BATCH
//   gpu_bench LIBRARY endurance PRECISION BATCH ITERATIONS   (memory at the start, at each tenth and at the end)
//   gpu_bench LIBRARY gradients PRECISION BATCH FILE         (a safetensors file for bench/gpu/agreement.py)
//   gpu_bench cpu images - COUNT FILE                        (the images of the measurements, for bench/gpu/pytorch.py)
//
// LIBRARY is the path of libdeepyeast_cuda.so; for gradients it may be "cpu". What follows a "+" among the arguments is another
// measurement of the same process, as in "training float32 100 50 + profile float32 100". A line of the first four is the
// measurement's name (training-float32-100), a tab and its JSON; the others' is JSON alone.
// --matrix=TERAFLOPS and --copy=GIGABYTES, per second, are the card's measured ceilings: with them the shares of both that
// were reached are told (work.h says of what). Exits with 4 where CUDA cannot be used; the line then has an "error".
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "../../cpu/cpu_backend.h"
#include "../../cuda/client/cuda_backend.h"
#include "../../cuda/client/loader.h"
#include "../../engine/network.h"
#include "../../system/error.h"
#include "../backends.h"
#include "../simulated_cells.h"
#include "work.h"

namespace {

using namespace deepyeast;
using deepyeast::test::Ceilings;
using deepyeast::test::OperationWork;
using deepyeast::test::SimulatedCells;
using deepyeast::test::Values;
using deepyeast::test::Work;

constexpr int kHeld = 20000;      // images of the training set on the device
constexpr int kDifferent = 1000;  // of them; the others are the same again
constexpr int kRepeats = 5;       // medians are of as many
constexpr int kProfiled = 20;     // iterations
constexpr int kReported = 500;    // iterations after which losses are fetched, as in training

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

template <typename... Values>
std::string formatted(const char* format, Values... values) {
  std::string text(static_cast<std::size_t>(std::snprintf(nullptr, 0, format, values...)), '\0');
  std::snprintf(text.data(), text.size() + 1, format, values...);
  return text;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// Bytes of this process that lie in memory.
double resident_bytes() {
  std::ifstream status("/proc/self/statm");
  double all = 0, resident = 0;
  status >> all >> resident;
  return resident * 4096;
}

std::unique_ptr<CudaBackend> backend_of(const CudaTable& table, const std::string& precision) {
  CudaBackendOptions options;
  options.precision = cuda_precision(precision);
  const char* cache = std::getenv("DEEPYEAST_CACHE");
  options.cache_folder = cache != nullptr ? cache : "";
  return make_cuda_backend(table, options);
}

int activation_bytes(const std::string& precision) { return precision == "bfloat16" ? 2 : 4; }

// ,"teraflop":...,"gigabytes":... and, where the ceilings are known, the shares of them: the end of an object in JSON.
std::string shares_of(const Work& work, double milliseconds, const Ceilings& ceilings) {
  std::string text = formatted(",\"teraflop\":%.6f,\"gigabytes\":%.6f", work.flop * 1e-12, work.bytes * 1e-9);
  const double matrix = test::matrix_share(work, milliseconds, ceilings);
  const double copy = test::copy_share(work, milliseconds, ceilings);
  if (matrix > 0) text += formatted(",\"shareOfMatrixCeiling\":%.4f", matrix);
  if (copy > 0) text += formatted(",\"shareOfCopyCeiling\":%.4f", copy);
  return text;
}

struct Bench {
  CudaBackend* backend;  // the network's
  std::unique_ptr<Network> network;
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
  std::size_t image_bytes;

  Bench(const CudaTable& table, const std::string& precision, int count) {
    std::unique_ptr<CudaBackend> made = backend_of(table, precision);
    backend = made.get();
    const Topology topology;
    network = std::make_unique<Network>(topology, 1, std::move(made));
    image_bytes = static_cast<std::size_t>(topology.image_size) * topology.image_size * topology.channels;
    const SimulatedCells cells(std::min(count, kDifferent), topology.image_size, 3);
    for (int i = 0; i < count; ++i) {
      const std::size_t cell = static_cast<std::size_t>(i % kDifferent);
      const auto image = cells.images.begin() + static_cast<std::ptrdiff_t>(cell * image_bytes);
      images.insert(images.end(), image, image + static_cast<std::ptrdiff_t>(image_bytes));
      labels.push_back(cells.labels[cell]);
    }
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
    const std::vector<StepResult> results = network->finish_steps();
    const double milliseconds = (now() - start) / iterations;
    if (results.size() != static_cast<std::size_t>(iterations) || !std::isfinite(results.back().loss))
      throw Error("training-diverged", "a loss is not finite: the times of what followed tell nothing");
    return milliseconds;
  }
};

std::string training(const CudaTable& table, const std::string& precision, int batch, int iterations,
                     const Ceilings& ceilings) {
  Bench bench(table, precision, kHeld);
  const std::size_t before = bench.backend->available_memory();
  bench.hold();
  bench.train(batch, 20, 0);  // plans, recording
  std::vector<double> times;
  std::size_t settled = 0;
  double host = 0;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    times.push_back(bench.train(batch, iterations, static_cast<std::uint32_t>(100 + repeat * iterations)));
    if (repeat > 0) continue;
    settled = bench.backend->available_memory();
    host = resident_bytes();
  }
  const std::size_t after = bench.backend->available_memory();
  const Work work = test::total(test::training_work(Topology(), batch, activation_bytes(precision)));
  return formatted("{\"precision\":%s,\"batch\":%d,\"msPerIteration\":%.5f,\"imagesPerSecond\":%.1f,\"worstMs\":%.5f,"
                   "\"deviceBytes\":%zu,\"deviceGrowthBytes\":%.0f,\"hostGrowthBytes\":%.0f",
                   quoted(precision).c_str(), batch, median(times), batch / median(times) * 1e3,
                   *std::max_element(times.begin(), times.end()), before > after ? before - after : 0,
                   static_cast<double>(settled) - static_cast<double>(after), resident_bytes() - host) +
         shares_of(work, median(times), ceilings) + ",\"notes\":" + quoted(bench.backend->notes()) + "}";
}

std::string profile(const CudaTable& table, const std::string& precision, int batch, const Ceilings& ceilings) {
  Bench bench(table, precision, kHeld);
  bench.hold();
  bench.train(batch, 5, 0);
  bench.backend->profile_begin();
  bench.train(batch, kProfiled, 100);
  std::istringstream lines(bench.backend->profile_end());
  std::vector<std::pair<double, std::string>> operations;
  double total = 0;
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
    operations.emplace_back(std::atof(line.c_str()) / kProfiled, line.substr(second + 1));
    total += operations.back().first;
  }
  std::sort(operations.rbegin(), operations.rend());
  // What bounds an operation: the ceiling at which it would take longest.
  const std::vector<OperationWork> works = test::training_work(Topology(), batch, activation_bytes(precision));
  const auto work_of = [&](const std::string& name) {
    return std::find_if(works.begin(), works.end(), [&](const OperationWork& work) { return work.name == name; });
  };
  std::string list;
  for (const auto& [milliseconds, name] : operations) {
    list += (list.empty() ? "" : ",") + formatted("{\"name\":%s,\"ms\":%.5f,\"share\":%.4f", quoted(name).c_str(),
                                                  milliseconds, milliseconds / total);
    const auto known = work_of(name);
    if (known != works.end()) {
      list += shares_of(known->work, milliseconds, ceilings);
      if (ceilings.teraflops_per_second > 0 && ceilings.gigabytes_per_second > 0)
        list += test::bound_by_copies(known->work, ceilings) ? ",\"boundBy\":\"copies\"" : ",\"boundBy\":\"products\"";
    }
    list += "}";
  }
  return formatted("{\"precision\":%s,\"batch\":%d,\"sumMs\":%.5f", quoted(precision).c_str(), batch, total) +
         ",\"operations\":[" + list + "],\"plans\":" + quoted(bench.backend->plans()) + "}";
}

std::string inference(const CudaTable& table, const std::string& precision, int batch, const Ceilings& ceilings) {
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
  const Work work = test::total(test::inference_work(Topology(), batch, activation_bytes(precision)));
  return formatted("{\"precision\":%s,\"batch\":%d,\"msPerCall\":%.5f,\"imagesPerSecond\":%.1f,\"finite\":%s",
                   quoted(precision).c_str(), batch, median(times), batch / median(times) * 1e3,
                   finite ? "true" : "false") +
         shares_of(work, median(times), ceilings) + ",\"notes\":" + quoted(bench.backend->notes()) + "}";
}

// Whether memory stays as it is over many iterations: of the device all that is in use, by whom ever, and of the host what
// this process has in memory.
std::string endurance(const CudaTable& table, const std::string& precision, int batch, int iterations,
                      std::uint64_t device_memory) {
  constexpr int parts = 10;
  Bench bench(table, precision, kHeld);
  bench.hold();
  bench.train(batch, 20, 0);  // plans, recording
  std::uint32_t done = 0;
  double first_device = 0, first_host = 0, device = 0, host = 0;
  std::string list;
  const double start = now();
  for (int part = 0; part <= parts; ++part) {
    const std::uint32_t until = static_cast<std::uint32_t>(static_cast<std::int64_t>(iterations) * part / parts);
    while (done < until) {
      const int here = static_cast<int>(std::min<std::uint32_t>(until - done, kReported));
      bench.train(batch, here, 100 + done);
      done += static_cast<std::uint32_t>(here);
    }
    device = static_cast<double>(device_memory) - static_cast<double>(bench.backend->available_memory());
    host = resident_bytes();
    if (part == 0) {
      first_device = device;
      first_host = host;
    }
    const double seconds = (now() - start) * 1e-3;
    list += (list.empty() ? "" : ",") +
            formatted("{\"iteration\":%u,\"seconds\":%.1f,\"deviceBytesInUse\":%.0f,\"hostResidentBytes\":%.0f}", done,
                      seconds, device, host);
    std::fprintf(stderr, "%u of %d iterations, %.0f s\n", done, iterations, seconds);
  }
  return formatted("{\"precision\":%s,\"batch\":%d,\"iterations\":%u,\"msPerIteration\":%.5f,"
                   "\"deviceGrowthBytes\":%.0f,\"hostGrowthBytes\":%.0f",
                   quoted(precision).c_str(), batch, done, (now() - start) / done, device - first_device,
                   host - first_host) +
         ",\"memory\":[" + list + "],\"notes\":" + quoted(bench.backend->notes()) + "}";
}

// One step's gradients with everything that they follow from, so that another program can compute them again: parameters
// by name, "mean", "images", "labels", the dropout masks "mask/LAYER"; what came out: "logits" and "gradient/NAME".
class TensorFile {
 public:
  template <typename Value>
  void add(const std::string& name, const char* type, const std::vector<std::size_t>& shape, const std::vector<Value>& values) {
    std::string sizes;
    for (const std::size_t size : shape) sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
    const std::size_t bytes = values.size() * sizeof(Value);
    header_ += (header_.empty() ? "" : ",") + quoted(name) + ":{\"dtype\":\"" + type + "\",\"shape\":[" + sizes +
               "],\"data_offsets\":[" + std::to_string(data_.size()) + "," + std::to_string(data_.size() + bytes) + "]}";
    const char* first = reinterpret_cast<const char*>(values.data());
    data_.insert(data_.end(), first, first + bytes);
  }
  void write(const std::string& path) {
    std::string header = "{" + header_ + "}";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const std::uint64_t size = header.size();
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&size), sizeof size);
    file.write(header.data(), static_cast<std::streamsize>(header.size()));
    file.write(data_.data(), static_cast<std::streamsize>(data_.size()));
    if (!file.flush()) throw Error("io-error", path + " could not be written");
  }

 private:
  std::string header_;
  std::vector<char> data_;
};

void gradients(std::unique_ptr<Backend> backend, const std::string& precision, int batch, const std::string& path) {
  constexpr std::uint64_t seed = 1;
  constexpr std::uint32_t iteration = 5;
  const Topology topology;
  Network network(topology, seed, std::move(backend));
  const std::size_t n = static_cast<std::size_t>(batch), size = static_cast<std::size_t>(topology.image_size),
                    channels = static_cast<std::size_t>(topology.channels), classes = static_cast<std::size_t>(topology.classes);
  const SimulatedCells cells(batch, topology.image_size, 3);
  const std::vector<float> mean(cells.image_bytes, 40.0f);
  network.set_input_transform(mean.data(), 1.0f);

  TensorFile file;
  Values random(9);
  for (const ParameterSpecification& s : network.layout().specifications) {
    if (!s.trainable()) continue;
    // Not ones and zeros, which would hide a gamma or a beta that goes nowhere.
    if (s.kind == ParameterKind::gamma || s.kind == ParameterKind::beta) {
      const std::vector<float> values = random.normal(s.count, s.kind == ParameterKind::gamma ? 1 : 0, 0.2);
      network.set_tensor(s.name, values.data(), values.size());
    }
    file.add(s.name, "F32", s.shape, network.tensor(s.name));
  }
  for (std::size_t i = 0; i < network.layers().size(); ++i) {
    const Layer& layer = network.layers()[i];
    if (!layer.dropout) continue;
    const RandomStream stream(seed, Purpose::dropout, iteration, static_cast<std::uint32_t>(i));
    std::vector<float> mask(n * static_cast<std::size_t>(layer.output_channels));
    for (std::size_t j = 0; j < mask.size(); ++j)
      mask[j] = stream.word(j) < dropout_threshold(topology.dropout) ? 0.0f : 1 / (1 - topology.dropout);
    file.add("mask/" + layer.name, "F32", {n, static_cast<std::size_t>(layer.output_channels)}, mask);
  }
  file.add("mean", "F32", {size, size, channels}, mean);
  file.add("images", "U8", {n, size, size, channels}, cells.images);
  file.add("labels", "I32", {n}, cells.labels);

  std::map<std::string, std::vector<float>> gradients;
  std::vector<float> logits;
  network.gradients(cells.images.data(), cells.labels.data(), batch, iteration, Optimizer(), &gradients, &logits);
  file.add("logits", "F32", {n, classes}, logits);
  for (const auto& [name, values] : gradients) file.add("gradient/" + name, "F32", {values.size()}, values);
  file.write(path);
  std::printf("{\"precision\":%s,\"batch\":%d,\"device\":%s}\n", quoted(precision).c_str(), batch,
              quoted(network.backend().description()).c_str());
}

// The first `count` images and labels of the measurements.
void images(int count, const std::string& path) {
  const Topology topology;
  const SimulatedCells cells(std::min(count, kDifferent), topology.image_size, 3);
  const std::size_t n = cells.labels.size(), size = static_cast<std::size_t>(topology.image_size),
                    channels = static_cast<std::size_t>(topology.channels);
  TensorFile file;
  file.add("images", "U8", {n, size, size, channels}, cells.images);
  file.add("labels", "I32", {n}, cells.labels);
  file.write(path);
  std::printf("{\"images\":%zu}\n", n);
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

// The value of an option such as --copy=2500.
bool option(const std::string& argument, const std::string& name, double* value) {
  if (argument.compare(0, name.size(), name) != 0) return false;
  *value = std::atof(argument.c_str() + name.size());
  return true;
}

struct Request {
  std::string section, precision, last;
  int batch = 0, iterations = 0;

  explicit Request(std::vector<std::string> words) {
    words.resize(std::max<std::size_t>(words.size(), 4));
    section = words[0];
    precision = words[1];
    batch = std::atoi(words[2].c_str());
    last = words[3];
    iterations = std::atoi(last.c_str());
  }
  bool valid() const {
    if (section == "doctor") return true;
    if (section == "training" || section == "endurance") return batch > 1 && iterations > 0;
    if (section == "profile") return batch > 1;
    if (section == "inference") return batch > 0;
    return (section == "gradients" || section == "images") && batch > 1 && !last.empty();
  }
};

std::string error_line(const Error& error) {
  return "{\"error\":" + quoted(error.what()) + ",\"code\":" + quoted(error.code()) + "}";
}

// False where it failed, which its line then tells.
bool measure(const CudaTable& table, const std::string& library, const Request& request, const Ceilings& ceilings) {
  const auto& [section, precision, last, batch, iterations] = request;
  if (section == "gradients") {
    gradients(backend_of(table, precision), precision, batch, last);
    return true;
  }
  std::string result;
  bool done = true;
  try {
    if (section == "training") result = training(table, precision, batch, iterations, ceilings);
    else if (section == "profile") result = profile(table, precision, batch, ceilings);
    else if (section == "inference") result = inference(table, precision, batch, ceilings);
    else
      result = endurance(table, precision, batch, iterations,
                         inspect_cuda(library, this_machine(), true).devices.at(0).memory);
  } catch (const Error& error) {
    result = error_line(error);
    done = false;
  }
  std::printf("%s-%s-%d\t%s\n", section.c_str(), precision.c_str(), batch, result.c_str());
  std::fflush(stdout);  // what comes after may not end in time
  return done;
}

int main(int count, char** all) {
  Ceilings ceilings;
  std::string library;
  std::vector<std::vector<std::string>> words(1);
  for (int i = 1; i < count; ++i) {
    const std::string word = all[i];
    if (option(word, "--matrix=", &ceilings.teraflops_per_second)) continue;
    if (option(word, "--copy=", &ceilings.gigabytes_per_second)) continue;
    if (word == "+") words.emplace_back();
    else if (library.empty()) library = word;
    else words.back().push_back(word);
  }
  const std::vector<Request> requests(words.begin(), words.end());
  if (!std::all_of(requests.begin(), requests.end(), [](const Request& request) { return request.valid(); })) {
    std::fprintf(stderr,
                 "usage: gpu_bench LIBRARY doctor | training PRECISION BATCH ITERATIONS | profile PRECISION BATCH | "
                 "inference PRECISION BATCH | endurance PRECISION BATCH ITERATIONS | gradients PRECISION BATCH FILE | "
                 "images - COUNT FILE "
                 "[+ ...] [--matrix=TERAFLOPS] [--copy=GIGABYTES]\n");
    return 2;
  }
  if (requests[0].section == "doctor") {
    const CudaReport report = inspect_cuda(library, this_machine(), true);
    doctor(report);
    return report.problems.empty() ? 0 : 4;
  }
  int status = 0;
  try {
    if (requests[0].section == "images") {
      images(requests[0].batch, requests[0].last);
      return 0;
    }
    if (requests[0].section == "gradients" && library == "cpu") {
      gradients(make_cpu_backend(0), requests[0].precision, requests[0].batch, requests[0].last);
      return 0;
    }
    const CudaTable& table = *open_cuda(library, this_machine());
    for (const Request& request : requests)
      if (!measure(table, library, request, ceilings)) status = 4;
  } catch (const Error& error) {
    std::printf("%s\n", error_line(error).c_str());
    return 4;
  }
  return status;
}
