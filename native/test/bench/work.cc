#include "work.h"

#include "../../engine/memory_plan.h"

namespace deepyeast::test {
namespace {

constexpr int kDirectChannels = 8;  // as in cuda/convolution.cc

// Operations of one name are one entry.
class Operations {
 public:
  void add(const std::string& name, double flop, double bytes) {
    for (OperationWork& operation : all_) {
      if (operation.name != name) continue;
      operation.work.flop += flop;
      operation.work.bytes += bytes;
      return;
    }
    all_.push_back({name, {flop, bytes}});
  }
  std::vector<OperationWork> take() { return std::move(all_); }

 private:
  std::vector<OperationWork> all_;
};

std::string convolution_text(const Layer& layer, int batch) {
  return std::to_string(batch) + "x" + std::to_string(layer.height) + "x" + std::to_string(layer.width) + "x" +
         std::to_string(layer.input_channels) + " to " + std::to_string(layer.output_channels);
}

std::string dense_text(const Layer& layer, int batch) {
  return std::to_string(batch) + "x" + std::to_string(layer.input_channels) + " to " +
         std::to_string(layer.output_channels);
}

std::string normalization_text(const Layer& layer, int batch) {
  return std::to_string(batch) + "x" + std::to_string(layer.height) + "x" + std::to_string(layer.width) + "x" +
         std::to_string(layer.output_channels) + (layer.pool ? ", pool" : layer.dropout ? ", dropout" : "");
}

// Of one layer and image.
struct LayerValues {
  double inputs, linear, outputs, weights, flop;
};

LayerValues values_of(const Layer& layer) {
  const double pixels = static_cast<double>(layer.height) * layer.width;
  const double taps = layer.kind == LayerKind::convolution ? 9 : 1;
  const double weights = taps * layer.input_channels * layer.output_channels;
  return {pixels * layer.input_channels, static_cast<double>(linear_values(layer)),
          static_cast<double>(output_values(layer)), weights, 2 * pixels * weights};
}

}  // namespace

std::vector<OperationWork> training_work(const Topology& topology, int batch, int activation_bytes) {
  const std::vector<Layer> layers = layers_of(topology);
  const double n = batch, a = activation_bytes, image = static_cast<double>(image_values(topology));
  Operations operations;
  operations.add("gather", 0, n * image * (1 + a));
  for (const Layer& layer : layers) {
    const LayerValues v = values_of(layer);
    const bool convolution = layer.kind == LayerKind::convolution, first = &layer == &layers.front();
    const double linear_bytes = layer.normalized ? a : 4;  // logits are float32
    const std::string prefix = convolution ? "convolution " : "dense ";
    const std::string text = " " + (convolution ? convolution_text(layer, batch) : dense_text(layer, batch));
    // Convolutions of few channels are computed directly, from float32 weights.
    const double weight_bytes = convolution && layer.input_channels <= kDirectChannels ? 4 : a;
    if (weight_bytes < 4)
      operations.add(convolution ? "weights for convolutions" : "weights for dense layers", 0, v.weights * (4 + a));
    operations.add(prefix + "forward" + text, n * v.flop,
                   n * v.inputs * a + v.weights * weight_bytes + n * v.linear * linear_bytes);
    operations.add(prefix + "weight gradient" + text, n * v.flop, n * (v.inputs + v.linear) * a + v.weights * 4);
    if (!first) operations.add(prefix + "data gradient" + text, n * v.flop, n * (v.inputs + v.linear) * a + v.weights * a);
    if (!layer.normalized) {
      operations.add("softmax and cross-entropy", 0, n * v.linear * (4 + a));
      continue;
    }
    operations.add(convolution ? "batch statistics" + text : "batch statistics of dense layers", 0, n * v.linear * a);
    operations.add("normalization " + normalization_text(layer, batch), 0, n * (v.linear + v.outputs) * a);
    operations.add("normalization's gradient " + normalization_text(layer, batch), 0,
                   n * (2 * (v.linear + v.outputs) + v.linear) * a);
    operations.add("running statistics", 0, 6.0 * 4 * layer.output_channels);
  }
  // Parameters and velocities are read and written, gradients read.
  operations.add("update", 0, 5.0 * 4 * static_cast<double>(parameters_of(layers).trainable_size));
  return operations.take();
}

std::vector<OperationWork> inference_work(const Topology& topology, int batch, int activation_bytes) {
  const double n = batch, a = activation_bytes, image = static_cast<double>(image_values(topology));
  Operations operations;
  operations.add("gather", 0, n * image * (1 + a));
  for (const Layer& layer : layers_of(topology)) {
    const LayerValues v = values_of(layer);
    const double linear_bytes = layer.normalized ? a : 4;
    if (layer.kind == LayerKind::convolution) {
      operations.add("convolution forward with epilogue " + convolution_text(layer, batch), n * v.flop,
                     n * (v.inputs + v.linear) * a + v.weights * a);
      if (!layer.pool) continue;
      operations.add("epilogue and pool " + convolution_text(layer, batch), 0, n * (v.linear + v.outputs) * a);
    } else {
      operations.add("dense forward " + dense_text(layer, batch), n * v.flop,
                     n * v.inputs * a + v.weights * a + n * v.linear * linear_bytes);
      operations.add("epilogue of dense layers", 0, 2 * n * v.linear * linear_bytes);
    }
  }
  return operations.take();
}

Work total(const std::vector<OperationWork>& operations) {
  Work sum;
  for (const OperationWork& operation : operations) {
    sum.flop += operation.work.flop;
    sum.bytes += operation.work.bytes;
  }
  return sum;
}

double matrix_share(const Work& work, double milliseconds, const Ceilings& ceilings) {
  if (!(ceilings.teraflops_per_second > 0) || !(milliseconds > 0)) return 0;
  return work.flop / (milliseconds * 1e-3) / (ceilings.teraflops_per_second * 1e12);
}

double copy_share(const Work& work, double milliseconds, const Ceilings& ceilings) {
  if (!(ceilings.gigabytes_per_second > 0) || !(milliseconds > 0)) return 0;
  return work.bytes / (milliseconds * 1e-3) / (ceilings.gigabytes_per_second * 1e9);
}

bool bound_by_copies(const Work& work, const Ceilings& ceilings) {
  return work.flop == 0 || copy_share(work, 1, ceilings) > matrix_share(work, 1, ceilings);
}

}  // namespace deepyeast::test
