// Speed of the CPU backend on the paper's network: every operation by itself, then inference and training steps.
//
//   kernel_bench [--threads N] [--batch N] [--inference | --direct]
//
// Milliseconds are medians of wall-clock time; "cpu" is the process's processor time of the same runs, which on a busy
// machine says more (compare runs of one thread: waiting threads spin a little). GFLOP/s count a multiply-add as two, and
// the direct algorithm's operations whatever the algorithm. DEEPYEAST_ISA picks the instruction set. --direct measures
// the direct convolution instead of the one that the backend would pick.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>

#include "../../cpu/cpu_backend.h"
#include "../../cpu/direct_convolution.h"
#include "../../engine/network.h"
#include "../../system/available_threads.h"
#include "../backends.h"

namespace {

using namespace deepyeast;
using deepyeast::test::Device;
using deepyeast::test::Values;

struct Time {
  double wall, cpu;  // milliseconds
};

// 12 independent chains of multiply-adds on registers alone: the most that a core can do. They hide the latency of 4 cycles
// on two units, and fit with factor and term into 16 registers: one that spills waits for memory.
const int chains = 12;
template <typename Vector>
__attribute__((always_inline)) inline float multiply_add(long count, const Vector& factor, const Vector& term) {
  Vector a = term, b = a + a, c = b + a, d = c + a, e = d + a, f = e + a;
  Vector g = f + a, h = g + a, i = h + a, j = i + a, k = j + a, l = k + a;
  for (; count > 0; --count) {
    a = a * factor + term, b = b * factor + term, c = c * factor + term, d = d * factor + term;
    e = e * factor + term, f = f * factor + term, g = g * factor + term, h = h * factor + term;
    i = i * factor + term, j = j * factor + term, k = k * factor + term, l = l * factor + term;
  }
  return (a + b + c + d + e + f + g + h + i + j + k + l)[0];
}

typedef float Vector16 __attribute__((vector_size(64)));
typedef float Vector8 __attribute__((vector_size(32)));
typedef float Vector4 __attribute__((vector_size(16)));
#if defined(__x86_64__)
__attribute__((target("avx512f,fma"))) float multiply_add_avx512(long count) {
  return multiply_add(count, Vector16{} + 0.999f, Vector16{} + 1e-3f);
}
__attribute__((target("avx2,fma"))) float multiply_add_avx2(long count) {
  return multiply_add(count, Vector8{} + 0.999f, Vector8{} + 1e-3f);
}
#endif
float multiply_add_portable(long count) { return multiply_add(count, Vector4{} + 0.999f, Vector4{} + 1e-3f); }

// Of all threads together, GFLOP/s: the best of several runs.
double measure_peak(InstructionSet instruction_set, int threads) {
  const std::shared_ptr<ThreadPool> pool = ThreadPool::shared();
  const long count = 2000000;
  const double gigaflop = 2e-9 * chains * kernel_table(instruction_set).width * static_cast<double>(count) * threads;
  double best = 0;
  for (int run = 0; run < 8; ++run) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<float> sums(threads);
    pool->parallel_for(threads, threads, [&](std::size_t task, int) {
      float (*run_chains)(long) = multiply_add_portable;
#if defined(__x86_64__)
      if (instruction_set == InstructionSet::avx512) run_chains = multiply_add_avx512;
      if (instruction_set == InstructionSet::avx2) run_chains = multiply_add_avx2;
#endif
      sums[task] = run_chains(count);
    });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (sums[0] > 0) best = std::max(best, gigaflop / seconds.count());
  }
  return best;
}

double now_of(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

// Medians over at least three runs and a third of a second, after one to warm up.
Time measure(const std::function<void()>& run) {
  run();
  std::vector<double> wall, cpu;
  for (double total = 0; wall.size() < 3 || (total < 300 && wall.size() < 100);) {
    const double wall_start = now_of(CLOCK_MONOTONIC), cpu_start = now_of(CLOCK_PROCESS_CPUTIME_ID);
    run();
    wall.push_back(now_of(CLOCK_MONOTONIC) - wall_start);
    cpu.push_back(now_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_start);
    total += wall.back();
  }
  std::nth_element(wall.begin(), wall.begin() + wall.size() / 2, wall.end());
  std::nth_element(cpu.begin(), cpu.begin() + cpu.size() / 2, cpu.end());
  return {wall[wall.size() / 2], cpu[cpu.size() / 2]};
}

// gigaflop or gigabyte: whichever bounds the operation; the other is 0.
void report(const std::string& name, const std::string& operation, double gigaflop, double gigabyte,
            const std::function<void()>& run) {
  const Time time = measure(run);
  std::printf("%-8s %-16s %9.2f ms  cpu %9.2f ms", name.c_str(), operation.c_str(), time.wall, time.cpu);
  if (gigaflop > 0) std::printf("  %7.1f GFLOP/s, %7.1f by cpu", gigaflop / time.wall * 1e3, gigaflop / time.cpu * 1e3);
  if (gigabyte > 0) std::printf("  %7.1f GB/s", gigabyte / time.wall * 1e3);
  std::printf("\n");
  std::fflush(stdout);
}

void measure_convolution(Backend& backend, CpuContext* direct, int batch, const Layer& layer) {
  const ConvolutionShape shape{batch, layer.height, layer.width, layer.input_channels, layer.output_channels};
  const std::size_t pixels = static_cast<std::size_t>(batch) * layer.height * layer.width;
  const std::size_t inputs = layer.input_channels, outputs = layer.output_channels;
  const double gigaflop = 18e-9 * static_cast<double>(pixels * inputs * outputs);
  Values random(1);
  Device input(backend, random.uniform(pixels * inputs)), output(backend, random.uniform(pixels * outputs));
  Device weights(backend, random.uniform(9 * inputs * outputs)), weight_gradient(backend, 9 * inputs * outputs);
  Device input_gradient(backend, pixels * inputs), mean(backend, outputs), variance(backend, outputs);
  Device scale(backend, random.uniform(outputs)), shift(backend, random.uniform(outputs));
  BatchStatistics statistics{mean, variance};
  const std::unique_ptr<Convolution> convolution =
      direct != nullptr ? make_direct_convolution(shape, true, *direct) : backend.convolution(shape, true);
  report(layer.name, "set weights", 0, 0, [&] { convolution->set_weights(weights); });
  report(layer.name, "infer", gigaflop, 0,
         [&] { convolution->infer(batch, input, {scale, shift, true, layer.pool}, output); });
  report(layer.name, "forward", gigaflop, 0, [&] { convolution->forward(batch, input, output, &statistics); });
  if (layer.name != "conv1_1")  // images need no gradient
    report(layer.name, "data gradient", gigaflop, 0, [&] { convolution->backward_data(batch, output, input_gradient); });
  report(layer.name, "weight gradient", gigaflop, 0,
         [&] { convolution->backward_weights(batch, input, output, weight_gradient); });
}

void measure_dense(Backend& backend, int batch, const Layer& layer) {
  const std::size_t cells = batch, inputs = layer.input_channels, outputs = layer.output_channels;
  const double gigaflop = 2e-9 * static_cast<double>(cells * inputs * outputs);
  Values random(1);
  Device input(backend, random.uniform(cells * inputs)), output(backend, random.uniform(cells * outputs));
  Device weights(backend, random.uniform(inputs * outputs)), weight_gradient(backend, inputs * outputs);
  Device input_gradient(backend, cells * inputs), mean(backend, outputs), variance(backend, outputs);
  BatchStatistics statistics{mean, variance};
  const std::unique_ptr<Dense> dense =
      backend.dense({batch, layer.input_channels, layer.output_channels}, true);
  dense->set_weights(weights);
  report(layer.name, "forward", gigaflop, 0, [&] { dense->forward(batch, input, nullptr, output, &statistics); });
  report(layer.name, "data gradient", gigaflop, 0, [&] { dense->backward_data(batch, output, input_gradient); });
  report(layer.name, "weight gradient", gigaflop, 0,
         [&] { dense->backward_weights(batch, input, output, weight_gradient, nullptr); });
}

void measure_normalization(Backend& backend, int batch, const Layer& layer) {
  const NormalizationShape shape{batch, layer.height, layer.width, layer.output_channels, layer.pool, 1e-5f,
                                 layer.dropout ? 0.5f : 0.0f};
  const std::size_t channels = layer.output_channels;
  const std::size_t count = static_cast<std::size_t>(batch) * layer.height * layer.width * channels;
  const std::size_t pooled = layer.pool ? count / 4 : count;
  Values random(1);
  Device input(backend, random.uniform(count)), output(backend, random.uniform(pooled));
  Device input_gradient(backend, count), gamma_gradient(backend, channels), beta_gradient(backend, channels);
  Device mean(backend, random.uniform(channels)), variance(backend, random.uniform(channels, 0.5, 1));
  const RandomStream stream(1, Purpose::dropout, 1, 1);
  const NormalizationArguments arguments{input, {mean, variance}, variance, mean, &stream};
  const double size = 4e-9 * static_cast<double>(count), pooled_size = 4e-9 * static_cast<double>(pooled);
  report(layer.name, "normalization", 0, size + pooled_size,
         [&] { backend.normalization_forward(shape, arguments, output); });
  report(layer.name, "its gradient", 0, 3 * size + 2 * pooled_size, [&] {
    backend.normalization_backward(shape, arguments, output, input_gradient, gamma_gradient, beta_gradient);
  });
}

// One inference pass over the convolutions and dense layers, timed layer by layer: what an operation costs when the one
// before it has used the caches.
void measure_pass(Backend& backend, int batch) {
  const std::vector<Layer> layers = layers_of(Topology());
  Values random(1);
  std::vector<std::unique_ptr<Convolution>> convolutions;
  std::vector<std::unique_ptr<Dense>> dense;
  std::vector<std::unique_ptr<Device>> weights;
  std::size_t largest = 0;
  for (const Layer& layer : layers) {
    const std::size_t inputs = layer.input_channels, outputs = layer.output_channels;
    const bool convolution = layer.kind == LayerKind::convolution;
    weights.push_back(std::make_unique<Device>(backend, random.uniform((convolution ? 9 : 1) * inputs * outputs)));
    convolutions.push_back(convolution ? backend.convolution({batch, layer.height, layer.width, layer.input_channels,
                                                              layer.output_channels}, false)
                                       : nullptr);
    dense.push_back(convolution ? nullptr : backend.dense({batch, layer.input_channels, layer.output_channels}, false));
    if (convolution) convolutions.back()->set_weights(*weights.back());
    else dense.back()->set_weights(*weights.back());
    largest = std::max(largest, static_cast<std::size_t>(batch) * layer.height * layer.width * outputs);
  }
  Device even(backend, random.uniform(largest)), odd(backend, random.uniform(largest));
  Device scale(backend, random.uniform(512)), shift(backend, random.uniform(512));
  std::vector<std::vector<double>> times(layers.size());
  for (double total = 0; times[0].size() < 5 || (total < 1500 && times[0].size() < 500);) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const double start = now_of(CLOCK_MONOTONIC);
      const InferenceEpilogue epilogue{scale, shift, true, layers[i].pool};
      float* input = i % 2 ? odd : even;
      float* output = i % 2 ? even : odd;
      if (convolutions[i]) convolutions[i]->infer(batch, input, epilogue, output);
      else dense[i]->infer(batch, input, epilogue, output);
      times[i].push_back(now_of(CLOCK_MONOTONIC) - start);
      total += times[i].back();
    }
  }
  double sum = 0, best = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    std::sort(times[i].begin(), times[i].end());
    const double time = times[i][times[i].size() / 2];
    const double taps = convolutions[i] ? 9.0 * layers[i].height * layers[i].width : 1.0;
    const double gigaflop = 2e-9 * batch * taps * layers[i].input_channels * layers[i].output_channels;
    std::printf("%-8s in turn %9.3f ms (at best %9.3f)  %7.1f GFLOP/s\n", layers[i].name.c_str(), time, times[i][0],
                gigaflop / time * 1e3);
    sum += time;
    best += times[i][0];
  }
  std::printf("all      in turn %9.3f ms (at best %9.3f)\n", sum, best);
}

void measure_network(int threads, int batch, bool training) {
  Topology topology;
  Values random(2);
  const std::vector<std::uint8_t> images = random.bytes(static_cast<std::size_t>(batch) * 64 * 64 * 2);
  const std::vector<std::int32_t> labels = random.labels(batch, topology.classes);
  Network network(topology, 1, make_cpu_backend(threads));
  std::vector<float> posterior(static_cast<std::size_t>(batch) * topology.classes);
  std::uint32_t iteration = 0;
  const auto rate = [&](const char* name, const std::function<void()>& run) {
    const Time time = measure(run);
    std::printf("%-25s %9.2f ms  cpu %9.2f ms  %7.1f images/s, %7.1f by cpu\n", name, time.wall, time.cpu,
                batch / time.wall * 1e3, batch / time.cpu * 1e3 * threads);
  };
  rate("network, inference", [&] { network.forward(images.data(), batch, nullptr, posterior.data()); });
  if (!training) return;
  rate("network, training step",
       [&] { network.train_step(images.data(), labels.data(), batch, iteration++, 0.01f, Optimizer()); });
}

}  // namespace

int main(int count, char** arguments) {
  int threads = available_threads(), batch = 100;
  bool direct = false, training = true;
  for (int i = 1; i < count; ++i) {
    const std::string option = arguments[i];
    if (option == "--direct") direct = true;
    else if (option == "--inference") training = false;
    else if (option == "--threads" && i + 1 < count) threads = std::atoi(arguments[++i]);
    else if (option == "--batch" && i + 1 < count) batch = std::atoi(arguments[++i]);
    else threads = 0;
  }
  if (threads < 1 || batch < (training ? 2 : 1)) {
    std::fprintf(stderr, "usage: kernel_bench [--threads N] [--batch N] [--inference | --direct]\n");
    return 2;
  }
  const std::unique_ptr<Backend> backend = make_cpu_backend(threads);
  std::printf("%s, batch %d%s\n", backend->description().c_str(), batch, direct ? ", direct convolution" : "");
  if (!training) {
    std::printf("peak     %.1f GFLOP/s\n", measure_peak(choose_instruction_set(), threads));
    measure_pass(*backend, batch);
    measure_network(threads, batch, false);
    return 0;
  }
  CpuContext context(choose_instruction_set(), threads);
  for (const Layer& layer : layers_of(Topology())) {
    if (layer.kind == LayerKind::convolution) measure_convolution(*backend, direct ? &context : nullptr, batch, layer);
    else measure_dense(*backend, batch, layer);
    if (layer.normalized) measure_normalization(*backend, batch, layer);
  }
  if (!direct) measure_network(threads, batch, true);
  return 0;
}
