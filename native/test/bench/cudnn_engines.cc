// Whether cuDNN takes the graphs of the paper's network: for an H100 that is only described, so that no device is needed, it
// is asked for engines for every convolution and gradient in every precision, and their plans are made. Prints what it
// found; exits with 1 where an operation has no engine or no engine's name tells its knobs, by which plans are kept. Fused operations are compiled with the
// driver's library: where there is none, none are found.
#include <cstdio>

#include "../../cuda/graph.h"
#include "../../cuda/status.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::cuda;

// As cuDNN itself writes a device's properties. What it reads of them may change: then nothing is checked.
const char kCard[] = R"({"cudaDeviceId":0,"deviceVer":900,"driverVer":13000,"maxGridSize":[2147483647,65535,65535],
  "maxBlockSize":[1024,1024,64],"regsPerBlock":65536,"multiProcessorCount":132,"smCountOrigin":0,"warpSize":32,
  "maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":232448,"reservedSharedMemoryPerBlock":1024,
  "maxRegistersPerSM":65536,"maxCtasPerSM":32,"maxThreadsPerBlock":1024,"maxThreadsPerSM":2048,"pciDeviceId":0,
  "isTccDriver":0,"supportCoopLaunch":1,"smClockRateKHz":1980000,"memClockRateKHz":2619000,"l2CacheSize":52428800,
  "totalGlobalMem":85000000000,"deviceName":"NVIDIA H100 80GB HBM3"})";

constexpr int kBatch = 100;
constexpr int kLayers[][3] = {{64, 64, 64}, {32, 64, 128}, {32, 128, 128}, {16, 128, 256}, {16, 256, 256}};

// The number of engines that can be prepared.
std::size_t count(const GraphTarget& target, GraphKind kind, const ConvolutionShape& shape, CudaPrecision precision,
                  cudnnDataType_t weight_type, bool* knobs) {
  std::vector<Engine> engines;
  try {
    engines = find_engines(target, kind, shape, precision, weight_type, 6);
  } catch (const Error& error) {
    std::printf("  %s\n", error.what());
  }
  std::size_t prepared = 0;
  for (Engine& engine : engines) {
    if (engine.name().find(',') != std::string::npos) *knobs = true;
    try {
      engine.prepare(target);
      prepared += 1;
    } catch (const Error& error) {
      std::printf("  %s: %s\n", engine.name().c_str(), error.what());
    }
  }
  return prepared;
}

}  // namespace

int main() {
#if CUDNN_VERSION >= 90800
  Descriptor card(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  try {
    card.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, sizeof kCard, kCard);
    card.finalize();
  } catch (const Error& error) {
    std::printf("nothing checked: %s\n", error.what());
    return 0;
  }
  const GraphTarget target{nullptr, &card};
  bool complete = true, knobs = false;
  for (const CudaPrecision precision : {cuda_float32, cuda_tf32, cuda_bfloat16}) {
    for (const auto& layer : kLayers) {
      const ConvolutionShape shape{kBatch, layer[0], layer[0], layer[1], layer[2]};
      for (const GraphKind kind :
           {GraphKind::forward, GraphKind::forward_epilogue, GraphKind::backward_data, GraphKind::backward_weights}) {
        std::size_t engines = count(target, kind, shape, precision, CUDNN_DATA_FLOAT, &knobs);
        if (precision == cuda_bfloat16 && kind == GraphKind::backward_weights)
          engines += count(target, kind, shape, precision, CUDNN_DATA_BFLOAT16, &knobs);
        const bool fused = kind == GraphKind::forward_epilogue;  // else the epilogue runs by itself
        const bool good = fused || engines > 0;
        complete = complete && good;
        std::printf("%s precision %d, %s %dx%dx%d to %d: %zu engines\n", good ? "ok  " : "FAIL", precision, name_of(kind),
                    layer[0], layer[0], layer[1], layer[2], engines);
      }
    }
  }
  if (!knobs) std::printf("FAIL no engine's name tells its knobs\n");
  return complete && knobs ? 0 : 1;
#else
  std::printf("nothing checked: cuDNN 9.8 can describe a device, this one cannot\n");
  return 0;
#endif
}
