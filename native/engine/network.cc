#include "network.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "error.h"

namespace deepyeast {
namespace {

const std::string kVelocityPrefix = "velocity/";
const std::string kMeanImage = "mean_image";

std::size_t image_values(const Topology& topology) {
  return static_cast<std::size_t>(topology.image_size) * topology.image_size * topology.channels;
}

// Values per image of a layer's output.
std::size_t linear_values(const Layer& layer) {
  return static_cast<std::size_t>(layer.height) * layer.width * layer.output_channels;
}
std::size_t output_values(const Layer& layer) { return layer.pool ? linear_values(layer) / 4 : linear_values(layer); }

}  // namespace

// One of convolution and dense is set for each layer.
struct Network::Operations {
  int convolution_batch, dense_batch;
  bool training;
  struct Operation {
    std::unique_ptr<Convolution> convolution;
    std::unique_ptr<Dense> dense;
  };
  std::vector<Operation> layers;
};

struct Network::TrainingPlan {
  int batch;
  std::unique_ptr<Buffer> input;
  struct LayerBuffers {
    std::unique_ptr<Buffer> linear;      // before normalization; the last layer's are the logits
    std::unique_ptr<Buffer> output;      // after normalization, ReLU and pool or dropout, where it is kept
    std::unique_ptr<Buffer> statistics;  // mean, then variance
  };
  std::vector<LayerBuffers> layers;
  // Large enough for any layer. The first also holds outputs that are not kept: a layer's output is needed before its
  // gradient, and again after it.
  std::unique_ptr<Buffer> output_gradient, linear_gradient;
  std::unique_ptr<Buffer> gradients;                         // laid out as the parameters
  std::vector<double> losses;
  std::vector<std::int32_t> predicted;

  BatchStatistics statistics(std::size_t layer, int channels) {
    float* mean = layers[layer].statistics->data();
    return {mean, mean + channels};
  }
};

struct Network::InferencePlan {
  std::unique_ptr<Buffer> input, even, odd;
  std::unique_ptr<Buffer> features;  // what the convolutions hand to the dense layers
  // Scale and shift of every layer, one after the other.
  std::unique_ptr<Buffer> epilogues;
  std::vector<std::size_t> epilogue_offsets;
};

std::vector<std::size_t> activation_shape(const std::vector<Layer>& layers, const std::string& name,
                                          Stage stage) {
  for (const Layer& layer : layers) {
    if (layer.name != name) continue;
    if (stage == Stage::pooled && !layer.pool)
      throw Error("invalid-argument", "no pooling follows " + name + ", so it has no stage pooled; expected linear, normalized or activated");
    const std::size_t channels = static_cast<std::size_t>(layer.output_channels);
    if (layer.kind == LayerKind::dense) return {channels};
    const std::size_t divisor = stage == Stage::pooled ? 2 : 1;
    return {static_cast<std::size_t>(layer.height) / divisor, static_cast<std::size_t>(layer.width) / divisor,
            channels};
  }
  std::string names;
  for (const Layer& layer : layers) names += (names.empty() ? "" : ", ") + layer.name;
  throw Error("invalid-argument", "the network has no layer " + name + "; its layers are " + names);
}

Network::Network(Topology topology, std::uint64_t seed, std::unique_ptr<Backend> backend, bool draw_weights)
    : topology_(std::move(topology)), seed_(seed), backend_(std::move(backend)) {
  topology_.validate();
  layers_ = layers_of(topology_);
  layout_ = parameters_of(layers_);
  parameters_ = backend_->allocate(layout_.trainable_size);
  statistics_ = backend_->allocate(layout_.statistics_size);
  mean_ = backend_->allocate(image_values(topology_));

  for (std::size_t i = 0; i < layout_.specifications.size(); ++i) {
    const ParameterSpecification& specification = layout_.specifications[i];
    specification_by_name_[specification.name] = i;
    std::vector<float> values;
    switch (specification.kind) {
      case ParameterKind::weight: {
        if (!draw_weights) continue;
        // Glorot-normal, untruncated: variance 2 / (fan_in + fan_out), drawn in double on the host.
        const Layer& layer = layers_[static_cast<std::size_t>(specification.layer)];
        const double taps = layer.kind == LayerKind::convolution ? 9.0 : 1.0;
        const double deviation = std::sqrt(2.0 / (taps * (layer.input_channels + layer.output_channels)));
        const RandomStream stream(seed_, Purpose::weights, 0, static_cast<std::uint32_t>(specification.layer));
        std::vector<double> normals(specification.count);
        stream.normals(0, normals.size(), normals.data());
        values.resize(specification.count);
        for (std::size_t j = 0; j < values.size(); ++j) values[j] = static_cast<float>(deviation * normals[j]);
        break;
      }
      case ParameterKind::gamma:
      case ParameterKind::running_variance:
        values.assign(specification.count, 1.0f);
        break;
      case ParameterKind::bias:
      case ParameterKind::beta:
      case ParameterKind::running_mean:
        continue;  // buffers come filled with zeros
    }
    set_tensor(specification.name, values.data(), values.size());
  }
}

Network::~Network() = default;

float* Network::parameter(const std::string& name) {
  std::size_t count = 0;
  return find_tensor(name, &count);
}

float* Network::find_tensor(const std::string& name, std::size_t* count) {
  if (name == kMeanImage) {
    *count = image_values(topology_);
    return mean_->data();
  }
  const bool velocity = name.compare(0, kVelocityPrefix.size(), kVelocityPrefix) == 0;
  const auto found = specification_by_name_.find(velocity ? name.substr(kVelocityPrefix.size()) : name);
  if (found == specification_by_name_.end()) {
    throw Error("invalid-argument", "the network has no tensor " + name);
  }
  const ParameterSpecification& specification = layout_.specifications[found->second];
  *count = specification.count;
  if (!velocity) {
    return (specification.trainable() ? parameters_ : statistics_)->data() + specification.offset;
  }
  if (!specification.trainable()) {
    throw Error("invalid-argument", specification.name + " is a running statistic; it has no velocity");
  }
  if (!velocity_) velocity_ = backend_->allocate(layout_.trainable_size);
  return velocity_->data() + specification.offset;
}

std::vector<float> Network::tensor(const std::string& name) {
  std::size_t count = 0;
  const float* source = find_tensor(name, &count);
  std::vector<float> values(count);
  backend_->download(source, count, values.data());
  return values;
}

void Network::set_tensor(const std::string& name, const float* values, std::size_t count) {
  std::size_t expected = 0;
  float* target = find_tensor(name, &expected);
  if (count != expected) {
    throw Error("invalid-argument",
                name + " has " + std::to_string(count) + " values; expected " + std::to_string(expected));
  }
  backend_->upload(values, count, target);
  weights_changed_ = epilogues_changed_ = true;
}

void Network::set_tensor_piece(const std::string& name, std::size_t first, const float* values, std::size_t count) {
  std::size_t size = 0;
  float* target = find_tensor(name, &size);
  if (first > size || count > size - first) {
    throw Error("invalid-argument", name + " has " + std::to_string(size) + " values; found " + std::to_string(count) +
                                        " from value " + std::to_string(first) + " on");
  }
  backend_->upload(values, count, target + first);
  weights_changed_ = epilogues_changed_ = true;
}

void Network::set_input_transform(const float* mean, float scale) {
  backend_->upload(mean, image_values(topology_), mean_->data());
  scale_ = scale;
}

void Network::require_operations(int convolution_batch, int dense_batch, bool training) {
  if (operations_ && operations_->convolution_batch >= convolution_batch && operations_->dense_batch >= dense_batch &&
      (operations_->training || !training))
    return;
  auto operations = std::make_unique<Operations>();
  operations->convolution_batch = std::max(convolution_batch, operations_ ? operations_->convolution_batch : 0);
  operations->dense_batch = std::max(dense_batch, operations_ ? operations_->dense_batch : 0);
  operations->training = training || (operations_ && operations_->training);
  operations_.reset();  // first, so that two sets never stand in memory together
  for (const Layer& layer : layers_) {
    Operations::Operation operation;
    if (layer.kind == LayerKind::convolution) {
      operation.convolution =
          backend_->convolution({operations->convolution_batch, layer.height, layer.width, layer.input_channels,
                                 layer.output_channels},
                                operations->training);
    } else {
      operation.dense = backend_->dense({operations->dense_batch, layer.input_channels, layer.output_channels},
                                        operations->training);
    }
    operations->layers.push_back(std::move(operation));
  }
  operations_ = std::move(operations);
  weights_changed_ = true;
}

void Network::prepare_weights() {
  if (!weights_changed_) return;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const float* weights = parameter(layers_[i].name + ".weight");
    auto& operation = operations_->layers[i];
    if (operation.convolution) {
      operation.convolution->set_weights(weights);
    } else {
      operation.dense->set_weights(weights);
    }
  }
  weights_changed_ = false;
}

void Network::plan_training(int batch) {
  require_operations(batch, batch, true);
  if (training_ && training_->batch >= batch) return;
  training_.reset();
  auto plan = std::make_unique<TrainingPlan>();
  plan->batch = batch;
  const std::size_t n = static_cast<std::size_t>(batch);
  plan->input = backend_->allocate(n * image_values(topology_));
  std::size_t largest = image_values(topology_);
  for (const Layer& layer : layers_) {
    TrainingPlan::LayerBuffers buffers;
    buffers.linear = backend_->allocate(n * linear_values(layer));
    if (layer.normalized) {
      if (backend_->keeps_activations()) buffers.output = backend_->allocate(n * output_values(layer));
      buffers.statistics = backend_->allocate(2 * static_cast<std::size_t>(layer.output_channels));
    }
    plan->layers.push_back(std::move(buffers));
    largest = std::max(largest, linear_values(layer));
  }
  plan->output_gradient = backend_->allocate(n * largest);
  plan->linear_gradient = backend_->allocate(n * largest);
  plan->gradients = backend_->allocate(layout_.trainable_size);
  plan->losses.resize(n);
  plan->predicted.resize(n);
  training_ = std::move(plan);
}

StepResult Network::forward_backward(const std::uint8_t* images, const std::int32_t* labels, int batch,
                                     std::uint32_t iteration, const Optimizer& optimizer) {
  for (const Layer& layer : layers_) {
    if (layer.normalized && static_cast<std::size_t>(batch) * layer.height * layer.width < 2) {
      throw Error("invalid-argument", "batch normalization of " + layer.name +
                                          " needs at least two values in training; found a batch of one: "
                                          "use a batch of two or more");
    }
  }
  plan_training(batch);
  prepare_weights();
  TrainingPlan& plan = *training_;

  std::vector<std::uint8_t> augmentation;
  if (optimizer.augment) {
    const RandomStream stream(seed_, Purpose::augmentation, iteration, 0);
    for (int cell = 0; cell < batch; ++cell) {
      augmentation.push_back(static_cast<std::uint8_t>(stream.word(static_cast<std::uint64_t>(cell)) & 7u));
    }
  }
  backend_->gather({batch, topology_.image_size, topology_.channels, images,
                    augmentation.empty() ? nullptr : augmentation.data(), mean_->data(), scale_},
                   plan.input->data());

  const auto normalization_shape = [&](const Layer& layer) {
    return NormalizationShape{batch,      layer.height,
                              layer.width, layer.output_channels,
                              layer.pool, topology_.normalization_epsilon,
                              layer.dropout ? topology_.dropout : 0.0f};
  };
  const auto normalization_arguments = [&](std::size_t i, const RandomStream* dropout) {
    return NormalizationArguments{plan.layers[i].linear->data(), plan.statistics(i, layers_[i].output_channels),
                                  parameter(layers_[i].name + ".gamma"), parameter(layers_[i].name + ".beta"),
                                  layers_[i].dropout ? dropout : nullptr};
  };
  const auto normalize = [&](std::size_t i) {
    const RandomStream dropout(seed_, Purpose::dropout, iteration, static_cast<std::uint32_t>(i));
    Buffer& output = plan.layers[i].output ? *plan.layers[i].output : *plan.output_gradient;
    backend_->normalization_forward(normalization_shape(layers_[i]), normalization_arguments(i, &dropout),
                                    output.data());
  };
  const auto layer_input = [&](std::size_t i) {
    if (i == 0) return plan.input->data();
    return (plan.layers[i - 1].output ? *plan.layers[i - 1].output : *plan.output_gradient).data();
  };

  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    float* linear = plan.layers[i].linear->data();
    if (!layer.normalized) {
      operations_->layers[i].dense->forward(batch, layer_input(i), parameter(layer.name + ".bias"), linear, nullptr);
      break;
    }
    BatchStatistics statistics = plan.statistics(i, layer.output_channels);
    if (layer.kind == LayerKind::convolution) {
      operations_->layers[i].convolution->forward(batch, layer_input(i), linear, &statistics);
    } else {
      operations_->layers[i].dense->forward(batch, layer_input(i), nullptr, linear, &statistics);
    }
    normalize(i);
    backend_->update_running_statistics(
        layer.output_channels, static_cast<std::size_t>(batch) * layer.height * layer.width,
        topology_.normalization_momentum, statistics, parameter(layer.name + ".running_mean"),
        parameter(layer.name + ".running_variance"));
  }
  epilogues_changed_ = true;

  float* output_gradient = plan.output_gradient->data();
  float* linear_gradient = plan.linear_gradient->data();
  backend_->softmax_cross_entropy(batch, topology_.classes, plan.layers.back().linear->data(), labels,
                                  plan.losses.data(), plan.predicted.data(), linear_gradient);

  const auto gradient = [&](const std::string& name) {
    return plan.gradients->data() + layout_.specifications[specification_by_name_.at(name)].offset;
  };
  for (std::size_t i = layers_.size(); i-- > 0;) {
    const Layer& layer = layers_[i];
    if (layer.normalized) {
      const RandomStream dropout(seed_, Purpose::dropout, iteration, static_cast<std::uint32_t>(i));
      backend_->normalization_backward(normalization_shape(layer), normalization_arguments(i, &dropout),
                                       output_gradient, linear_gradient, gradient(layer.name + ".gamma"),
                                       gradient(layer.name + ".beta"));
    }
    if (i > 0 && i + 1 < layers_.size() && !plan.layers[i - 1].output) normalize(i - 1);
    float* weight_gradient = gradient(layer.name + ".weight");
    if (layer.kind == LayerKind::convolution) {
      Convolution& convolution = *operations_->layers[i].convolution;
      convolution.backward_weights(batch, layer_input(i), linear_gradient, weight_gradient);
      if (i > 0) convolution.backward_data(batch, linear_gradient, output_gradient);
    } else {
      Dense& dense = *operations_->layers[i].dense;
      dense.backward_weights(batch, layer_input(i), linear_gradient, weight_gradient,
                             layer.normalized ? nullptr : gradient(layer.name + ".bias"));
      dense.backward_data(batch, linear_gradient, output_gradient);
    }
  }

  StepResult result{0.0, 0};
  for (int cell = 0; cell < batch; ++cell) {
    result.loss += plan.losses[static_cast<std::size_t>(cell)];
    result.correct += plan.predicted[static_cast<std::size_t>(cell)] == labels[cell] ? 1 : 0;
  }
  result.loss /= batch;
  return result;
}

StepResult Network::train_step(const std::uint8_t* images, const std::int32_t* labels, int batch,
                               std::uint32_t iteration, float learning_rate, const Optimizer& optimizer) {
  const StepResult result = forward_backward(images, labels, batch, iteration, optimizer);
  if (!std::isfinite(result.loss)) return result;  // the parameters stay as they were: the caller reports it
  if (!velocity_) velocity_ = backend_->allocate(layout_.trainable_size);
  for (const ParameterSpecification& specification : layout_.specifications) {
    if (!specification.trainable()) continue;
    backend_->update({specification.count, learning_rate, optimizer.momentum,
                      specification.kind == ParameterKind::weight ? optimizer.weight_decay : 0.0f,
                      optimizer.caffe_momentum, parameters_->data() + specification.offset,
                      velocity_->data() + specification.offset, training_->gradients->data() + specification.offset});
  }
  weights_changed_ = epilogues_changed_ = true;
  return result;
}

StepResult Network::gradients(const std::uint8_t* images, const std::int32_t* labels, int batch,
                              std::uint32_t iteration, const Optimizer& optimizer,
                              std::map<std::string, std::vector<float>>* gradients, std::vector<float>* logits) {
  const StepResult result = forward_backward(images, labels, batch, iteration, optimizer);
  for (const ParameterSpecification& specification : layout_.specifications) {
    if (!specification.trainable()) continue;
    std::vector<float>& values = (*gradients)[specification.name];
    values.resize(specification.count);
    backend_->download(training_->gradients->data() + specification.offset, specification.count, values.data());
  }
  logits->resize(static_cast<std::size_t>(batch) * topology_.classes);
  backend_->download(training_->layers.back().linear->data(), logits->size(), logits->data());
  return result;
}

void Network::plan_inference() {
  const InferenceBatches batches = backend_->inference_batches();
  require_operations(batches.convolutions, batches.dense, false);
  if (inference_) return;
  auto plan = std::make_unique<InferencePlan>();
  const std::size_t images = static_cast<std::size_t>(batches.convolutions);
  const std::size_t rows = static_cast<std::size_t>(batches.dense);
  plan->input = backend_->allocate(images * image_values(topology_));
  // Room for any layer before its pool, since an analysis may ask for that.
  std::size_t largest = rows * static_cast<std::size_t>(topology_.classes), features = 0, offset = 0;
  for (const Layer& layer : layers_) {
    const bool convolution = layer.kind == LayerKind::convolution;
    largest = std::max(largest, (convolution ? images : rows) * linear_values(layer));
    if (convolution) features = output_values(layer);
    plan->epilogue_offsets.push_back(offset);
    offset += 2 * static_cast<std::size_t>(layer.output_channels);
  }
  plan->even = backend_->allocate(largest);
  plan->odd = backend_->allocate(largest);
  plan->features = backend_->allocate(rows * features);
  plan->epilogues = backend_->allocate(offset);
  inference_ = std::move(plan);
  epilogues_changed_ = true;
}

void Network::prepare_epilogues() {
  if (!epilogues_changed_) return;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const std::size_t channels = static_cast<std::size_t>(layer.output_channels);
    std::vector<float> folded(2 * channels);
    if (layer.normalized) {
      const auto gamma = tensor(layer.name + ".gamma"), beta = tensor(layer.name + ".beta");
      const auto mean = tensor(layer.name + ".running_mean"), variance = tensor(layer.name + ".running_variance");
      for (std::size_t c = 0; c < channels; ++c) {
        const double scale = gamma[c] / std::sqrt(static_cast<double>(variance[c]) + topology_.normalization_epsilon);
        folded[c] = static_cast<float>(scale);
        folded[channels + c] = static_cast<float>(beta[c] - mean[c] * scale);
      }
    } else {
      const auto bias = tensor(layer.name + ".bias");
      std::fill_n(folded.begin(), channels, 1.0f);
      std::copy(bias.begin(), bias.end(), folded.begin() + static_cast<std::ptrdiff_t>(channels));
    }
    backend_->upload(folded.data(), folded.size(), inference_->epilogues->data() + inference_->epilogue_offsets[i]);
  }
  epilogues_changed_ = false;
}

void Network::infer_layer(std::size_t index, int batch, const float* input, std::size_t last_layer, Stage last_stage,
                          float* output) {
  const Layer& layer = layers_[index];
  const float* folded = inference_->epilogues->data() + inference_->epilogue_offsets[index];
  InferenceEpilogue epilogue{folded, folded + layer.output_channels, layer.normalized, layer.pool};
  if (index == last_layer) {
    if (last_stage == Stage::linear && layer.normalized) epilogue.scale = epilogue.shift = nullptr;
    epilogue.relu = layer.normalized && (last_stage == Stage::activated || last_stage == Stage::pooled);
    epilogue.pool = layer.pool && last_stage == Stage::pooled;
  }
  const Operations::Operation& operation = operations_->layers[index];
  if (operation.convolution) {
    operation.convolution->infer(batch, input, epilogue, output);
  } else {
    operation.dense->infer(batch, input, epilogue, output);
  }
}

// The convolutions up to last_layer; the last one's output goes to `output`, or, if that is null, stays in a buffer of
// the plan. Returns where it is.
const float* Network::infer_convolutions(const std::uint8_t* images, int batch, std::size_t last_layer,
                                         Stage last_stage, float* output) {
  InferencePlan& plan = *inference_;
  backend_->gather(
      {batch, topology_.image_size, topology_.channels, images, nullptr, mean_->data(), scale_}, plan.input->data());
  const float* input = plan.input->data();
  for (std::size_t i = 0; i < layers_.size() && layers_[i].kind == LayerKind::convolution && i <= last_layer; ++i) {
    const bool last = i == last_layer || layers_[i + 1].kind == LayerKind::dense;
    float* target = last && output ? output : (i % 2 == 0 ? plan.even : plan.odd)->data();
    infer_layer(i, batch, input, last_layer, last_stage, target);
    input = target;
  }
  return input;
}

// At most as many images as inference takes through the dense layers at once.
const float* Network::infer_chunk(const std::uint8_t* images, int batch, std::size_t last_layer, Stage last_stage) {
  InferencePlan& plan = *inference_;
  const int group = backend_->inference_batches().convolutions;
  const std::size_t features = plan.features->size() / static_cast<std::size_t>(backend_->inference_batches().dense);
  for (int start = 0; start < batch; start += group) {
    const std::size_t first = static_cast<std::size_t>(start);
    infer_convolutions(images + first * image_values(topology_), std::min(group, batch - start), last_layer, last_stage,
                       plan.features->data() + first * features);
  }
  const float* input = plan.features->data();
  for (std::size_t i = 0; i <= last_layer; ++i) {
    if (layers_[i].kind == LayerKind::convolution) continue;
    float* output = (i % 2 == 0 ? plan.even : plan.odd)->data();
    infer_layer(i, batch, input, last_layer, last_stage, output);
    input = output;
  }
  return input;
}

// consume(first, count, output) for consecutive images: the output of the last layer, on the device.
template <typename Consume>
void Network::infer(const std::uint8_t* images, int batch, std::size_t last_layer, Stage last_stage,
                    const Consume& consume) {
  plan_inference();
  prepare_weights();
  prepare_epilogues();
  const InferenceBatches batches = backend_->inference_batches();
  const bool dense = layers_[last_layer].kind == LayerKind::dense;
  const int step = dense ? batches.dense : batches.convolutions;
  for (int start = 0; start < batch; start += step) {
    const std::size_t first = static_cast<std::size_t>(start);
    const int count = std::min(step, batch - start);
    const std::uint8_t* chunk = images + first * image_values(topology_);
    consume(first, count, dense ? infer_chunk(chunk, count, last_layer, last_stage)
                                : infer_convolutions(chunk, count, last_layer, last_stage, nullptr));
  }
}

void Network::forward(const std::uint8_t* images, int batch, float* logits, float* posterior) {
  const std::size_t classes = static_cast<std::size_t>(topology_.classes);
  infer(images, batch, layers_.size() - 1, Stage::pooled, [&](std::size_t first, int count, const float* output) {
    const std::size_t values = static_cast<std::size_t>(count) * classes;
    if (logits) backend_->download(output, values, logits + first * classes);
    if (posterior) {
      float* device_posterior = (layers_.size() % 2 == 0 ? inference_->even : inference_->odd)->data();
      backend_->softmax(count, topology_.classes, output, device_posterior);
      backend_->download(device_posterior, values, posterior + first * classes);
    }
  });
}

void Network::activations(const std::uint8_t* images, int batch, const std::string& name, Stage stage, float* output) {
  std::size_t values = 1;
  for (const std::size_t extent : activation_shape(layers_, name, stage)) values *= extent;
  std::size_t index = 0;
  while (layers_[index].name != name) ++index;
  infer(images, batch, index, stage, [&](std::size_t first, int count, const float* activations) {
    backend_->download(activations, static_cast<std::size_t>(count) * values, output + first * values);
  });
}

}  // namespace deepyeast
