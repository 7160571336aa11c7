// The operations and bytes that the GPU benchmark compares its times with, against values counted by hand.
#include <cmath>

#include "bench/work.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

double multiply_adds(bool without_first) {
  double sum = without_first ? 0 : 64.0 * 64 * 9 * 2 * 64;
  sum += 64.0 * 64 * 9 * 64 * 64 + 32.0 * 32 * 9 * (64 * 128 + 128 * 128) + 16.0 * 16 * 9 * (128 * 256 + 3 * 256 * 256);
  return sum + 16384.0 * 512 + 512 * 512 + 512 * 12;
}

TEST(gpu_work_counts_the_arithmetic_of_the_papers_network) {
  const Topology topology;
  const double inference = total(inference_work(topology, 1000, 2)).flop;
  const double training = total(training_work(topology, 100, 2)).flop;
  expect(inference == 2000 * multiply_adds(false), "inference");
  expect(std::abs(inference / 1000 - 1.84e9) < 0.01e9, "1.84 GFLOP an image, found " + std::to_string(inference / 1000));
  expect(training == 200 * (2 * multiply_adds(false) + multiply_adds(true)), "no data gradient of the first layer");
  expect(std::abs(training - 0.55e12) < 0.01e12, "0.55 TFLOP a step of 100, found " + std::to_string(training));
}

TEST(gpu_work_counts_what_operations_read_and_write) {
  Topology topology;
  topology.image_size = 4;
  topology.channels = 1;
  topology.blocks = {{16, 16}};
  topology.dense = {32};
  topology.classes = 3;
  // By hand: batch 10, bfloat16. Layers: 16 pixels, 1 to 16 channels (directly, from float32 weights); 16 to 16, pool to 4
  // pixels; 64 to 32; 32 to 3.
  const struct {
    const char* name;
    double bytes;
  } expected[] = {
      {"gather", 10 * 16 * 3},
      {"weights for convolutions", 16 * 9 * 16 * 6},
      {"weights for dense layers", (2048 + 96) * 6},
      {"convolution forward 10x4x4x1 to 16", 10 * (16 + 256) * 2 + 144 * 4},
      {"convolution weight gradient 10x4x4x1 to 16", 10 * (16 + 256) * 2 + 144 * 4},
      {"batch statistics 10x4x4x1 to 16", 10 * 256 * 2},
      {"convolution forward 10x4x4x16 to 16", 10 * 512 * 2 + 2304 * 2},
      {"convolution data gradient 10x4x4x16 to 16", 10 * 512 * 2 + 2304 * 2},
      {"normalization 10x4x4x16", 10 * 512 * 2},
      {"normalization 10x4x4x16, pool", 10 * (256 + 64) * 2},
      {"normalization's gradient 10x4x4x16, pool", 10 * (3 * 256 + 2 * 64) * 2},
      {"dense forward 10x64 to 32", 10 * (64 + 32) * 2 + 2048 * 2},
      {"dense data gradient 10x64 to 32", 10 * (64 + 32) * 2 + 2048 * 2},
      {"dense weight gradient 10x64 to 32", 10 * (64 + 32) * 2 + 2048 * 4},
      {"batch statistics of dense layers", 10 * 32 * 2},
      {"normalization 10x1x1x32, dropout", 10 * 64 * 2},
      {"dense forward 10x32 to 3", 10 * (32 * 2 + 3 * 4) + 96 * 2},
      {"softmax and cross-entropy", 10 * 3 * 6},
  };
  const std::vector<OperationWork> operations = training_work(topology, 10, 2);
  for (const auto& each : expected) {
    int found = 0;
    for (const OperationWork& operation : operations) {
      if (operation.name != each.name) continue;
      ++found;
      expect(operation.work.bytes == each.bytes, operation.name + ": " + std::to_string(operation.work.bytes) +
                                                     " bytes, expected " + std::to_string(each.bytes));
    }
    expect(found == 1, std::string(each.name) + " is there " + std::to_string(found) + " times");
  }
  for (const OperationWork& operation : operations)
    expect(operation.name != "convolution data gradient 10x4x4x1 to 16", "the first layer has no data gradient");
}

TEST(gpu_work_is_held_against_ceilings) {
  const Work products{2e12, 1e9}, copies{1e9, 2e9};
  const Ceilings ceilings{800, 2000};
  expect(std::abs(matrix_share(products, 5, ceilings) - 0.5) < 1e-12, "share of the matrix ceiling");
  expect(std::abs(copy_share(copies, 2, ceilings) - 0.5) < 1e-12, "share of the copy ceiling");
  expect(!bound_by_copies(products, ceilings) && bound_by_copies(copies, ceilings), "what bounds");
  expect(matrix_share(products, 5, {}) == 0 && copy_share(copies, 2, {}) == 0, "unknown ceilings give no share");
}

}  // namespace
