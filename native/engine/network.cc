#include "network.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>

#include "error.h"
#include "memory_plan.h"

namespace deepyeast {
namespace {

const std::string kVelocityPrefix = "velocity/";
const std::string kMeanImage = "mean_image";

// Floats from a layer's folded scale to its shift: both begin at a multiple of 16.
std::size_t epilogue_stride(const Layer& layer) { return (static_cast<std::size_t>(layer.output_channels) + 15) / 16 * 16; }

// Images of the next chunk where `left` are left and `most` may go at once: where memory is taken as needed, equal shares,
// so that a device prepares one batch size for all chunks and computes none that is nearly empty.
int chunk_of(const InferenceBatches& batches, int most, std::size_t left) {
  const std::size_t at_once = static_cast<std::size_t>(most);
  if (!batches.as_needed) return static_cast<int>(std::min(at_once, left));
  const std::size_t chunks = (left + at_once - 1) / at_once;
  return static_cast<int>((left + chunks - 1) / chunks);
}

// Large batches go through the first convolutions image by image, each image on one thread, as long as an image's
// activations outweigh the weights: what a layer writes is then still in the core's caches when the next one reads it,
// and no thread waits at the end of a layer.
struct ByImage {
  std::size_t layers = 0;       // the first of the network; not all of its convolutions
  std::size_t values = 0;       // of the largest input or output of one image, to a multiple of 16
  std::size_t handed_over = 0;  // values of one image that go to the next layer
};

ByImage layers_by_image(const Topology& topology, const std::vector<Layer>& layers) {
  ByImage result;
  std::size_t input = image_values(topology);
  while (layers[result.layers + 1].kind == LayerKind::convolution) {
    const Layer& layer = layers[result.layers];
    const std::size_t output = output_values(layer);
    if (input + output < std::size_t{9} * layer.input_channels * layer.output_channels) break;
    result.values = std::max({result.values, input, output});
    result.handed_over = input = output;
    ++result.layers;
  }
  result.values = (result.values + 15) / 16 * 16;
  return result;
}

// Of each lane, at least: the last image of a batch occupies one lane, and the others may wait for it.
constexpr int images_of_lane = 16;

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
  std::vector<std::uint8_t> augmentation;
  // The iteration as last composed: valid for this batch and optimizer.
  std::unique_ptr<Recording> recording;
  int recorded_batch = 0;
  Optimizer recorded_optimizer;

  BatchStatistics statistics(std::size_t layer, int channels) {
    float* mean = layers[layer].statistics->data();
    return {mean, mean + channels};
  }
};

struct Network::InferencePlan {
  int convolution_batch, dense_batch;
  std::unique_ptr<Buffer> input, even, odd;
  std::unique_ptr<Buffer> features;  // what the convolutions hand to the dense layers
  std::size_t feature_values;        // of one image
  ByImage by_image;
  std::unique_ptr<Buffer> lanes;        // two activations of each lane
  std::unique_ptr<Buffer> handed_over;  // [dense_batch, by_image.handed_over]
  std::unique_ptr<Buffer> logits, posterior;
  // Scale and shift of every layer, one after the other.
  std::unique_ptr<Buffer> epilogues;
  std::vector<std::size_t> epilogue_offsets;
  // By what they run and on how many images: the convolutions by batch, last layer and stage and whether their output
  // goes to the features, the dense layers likewise and by whether the posterior is wanted.
  std::map<std::tuple<LayerKind, int, std::size_t, Stage, bool>, std::unique_ptr<Recording>> recordings;
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
  inference_batches_ = backend_->inference_batches();
  layers_ = layers_of(topology_);
  layout_ = parameters_of(layers_);
  parameters_ = backend_->allocate(layout_.trainable_size);
  statistics_ = backend_->allocate(layout_.statistics_size);
  mean_ = backend_->allocate(image_values(topology_));

  for (std::size_t i = 0; i < layout_.specifications.size(); ++i) {
    const ParameterSpecification& specification = layout_.specifications[i];
    specification_by_name_[specification.name] = i;
    if (!draw_weights) continue;  // buffers come filled with zeros
    std::vector<float> values;
    switch (specification.kind) {
      case ParameterKind::weight: {
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
        continue;  // zeros already
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

void Network::fill_tensor(const std::string& name, const TensorReader& read) {
  std::size_t count = 0;
  float* target = find_tensor(name, &count);
  weights_changed_ = epilogues_changed_ = true;
  backend_->fill(target, count, read);
}

void Network::set_input_transform(const float* mean, float scale) {
  backend_->upload(mean, image_values(topology_), mean_->data());
  scale_ = scale;
  if (training_) training_->recording.reset();  // which holds the scale
}

void Network::require_operations(int convolution_batch, int dense_batch, bool training) {
  if (operations_ && operations_->convolution_batch >= convolution_batch && operations_->dense_batch >= dense_batch &&
      (operations_->training || !training))
    return;
  auto operations = std::make_unique<Operations>();
  operations->convolution_batch = std::max(convolution_batch, operations_ ? operations_->convolution_batch : 0);
  operations->dense_batch = std::max(dense_batch, operations_ ? operations_->dense_batch : 0);
  operations->training = training || (operations_ && operations_->training);
  // What was recorded refers to the operations of before. They go first, so that two sets never stand in memory together.
  if (training_) training_->recording.reset();
  if (inference_) inference_->recordings.clear();
  operations_.reset();
  for (const Layer& layer : layers_) {
    Operations::Operation operation;
    if (layer.kind == LayerKind::convolution) {
      operation.convolution =
          backend_->convolution({operations->convolution_batch, layer.height, layer.width, layer.input_channels,
                                 layer.output_channels},
                                operations->training);
    } else {
      operation.dense = backend_->dense(
          {operations->dense_batch, layer.input_channels, layer.output_channels, !layer.normalized},
          operations->training);
    }
    operations->layers.push_back(std::move(operation));
  }
  operations_ = std::move(operations);
  weights_changed_ = true;
}

void Network::prepare_weights() {
  if (!weights_changed_) return;
  set_weights();
  weights_changed_ = false;
}

void Network::set_weights() {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const float* weights = parameter(layers_[i].name + ".weight");
    auto& operation = operations_->layers[i];
    if (operation.convolution) {
      operation.convolution->set_weights(weights);
    } else {
      operation.dense->set_weights(weights);
    }
  }
}

void Network::plan_training(int batch) {
  if (training_ && training_->batch >= batch && operations_ && operations_->training &&
      operations_->convolution_batch >= batch && operations_->dense_batch >= batch)
    return;
  const std::size_t n = static_cast<std::size_t>(batch);
  training_.reset();
  try {
    require_operations(batch, batch, true);
    auto plan = std::make_unique<TrainingPlan>();
    plan->batch = batch;
    plan->input = backend_->allocate_activations(n * image_values(topology_));
    std::size_t largest = image_values(topology_);
    for (const Layer& layer : layers_) {
      TrainingPlan::LayerBuffers buffers;
      if (layer.normalized) {
        buffers.linear = backend_->allocate_activations(n * linear_values(layer));
        if (backend_->keeps_activations()) buffers.output = backend_->allocate_activations(n * output_values(layer));
        buffers.statistics = backend_->allocate(2 * static_cast<std::size_t>(layer.output_channels));
      } else {
        buffers.linear = backend_->allocate(n * linear_values(layer));
      }
      plan->layers.push_back(std::move(buffers));
      largest = std::max(largest, linear_values(layer));
    }
    plan->output_gradient = backend_->allocate_activations(n * largest);
    plan->linear_gradient = backend_->allocate_activations(n * largest);
    plan->gradients = backend_->allocate(layout_.trainable_size);
    plan->losses.resize(n);
    plan->predicted.resize(n);
    training_ = std::move(plan);
  } catch (...) {
    rethrow_with_advice(batch);
  }
}

// In a handler: where memory was exhausted, what was allocated goes and the batch that would have fitted is named.
void Network::rethrow_with_advice(int batch) {
  try {
    throw;
  } catch (const Error& error) {
    if (error.code() != "out-of-memory") throw;
    training_.reset();
    inference_.reset();
    operations_.reset();
    throw Error(error.code(), error.what() + advice_on_memory(layers_, topology_, layout_, *backend_, batch));
  }
}

void Network::prepare_step(int batch, std::uint32_t iteration, const Optimizer& optimizer) {
  for (const Layer& layer : layers_) {
    if (layer.normalized && static_cast<std::size_t>(batch) * layer.height * layer.width < 2) {
      throw Error("invalid-argument", "batch normalization of " + layer.name +
                                          " needs at least two values in training; found a batch of one: "
                                          "use a batch of two or more");
    }
  }
  plan_training(batch);
  training_->augmentation.clear();
  if (!optimizer.augment) return;
  const RandomStream stream(seed_, Purpose::augmentation, iteration, 0);
  for (int cell = 0; cell < batch; ++cell) {
    training_->augmentation.push_back(static_cast<std::uint8_t>(stream.word(static_cast<std::uint64_t>(cell)) & 7u));
  }
}

StepResult Network::forward_backward(const std::uint8_t* images, const std::int32_t* labels, int batch,
                                     std::uint32_t iteration) {
  TrainingPlan& plan = *training_;
  backend_->gather({batch, topology_.image_size, topology_.channels, images,
                    plan.augmentation.empty() ? nullptr : plan.augmentation.data(), mean_->data(), scale_},
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
  if (backend_->defers_results()) return result;
  for (int cell = 0; cell < batch; ++cell) {
    result.loss += plan.losses[static_cast<std::size_t>(cell)];
    result.correct += plan.predicted[static_cast<std::size_t>(cell)] == labels[cell] ? 1 : 0;
  }
  result.loss /= batch;
  return result;
}

void Network::update_parameters(float learning_rate, const Optimizer& optimizer) {
  std::vector<UpdateArguments> ranges;
  for (const ParameterSpecification& specification : layout_.specifications) {
    if (!specification.trainable()) continue;
    ranges.push_back({specification.count, learning_rate, optimizer.momentum,
                      specification.kind == ParameterKind::weight ? optimizer.weight_decay : 0.0f,
                      optimizer.caffe_momentum, parameters_->data() + specification.offset,
                      velocity_->data() + specification.offset, training_->gradients->data() + specification.offset});
  }
  backend_->update_all(ranges);
}

bool Network::begin_step(const std::uint8_t* images, const std::uint32_t* rows, const std::int32_t* labels, int batch,
                         std::uint32_t iteration, float learning_rate, const Optimizer& optimizer) {
  prepare_step(batch, iteration, optimizer);
  TrainingPlan& plan = *training_;
  StepResult result{0.0, 0};
  bool finite = true;
  const bool weights_changed = weights_changed_;
  try {
    if (!velocity_) velocity_ = backend_->allocate(layout_.trainable_size);
    if (!plan.recording || plan.recorded_batch != batch || !(plan.recorded_optimizer == optimizer)) {
      plan.recording = backend_->recording();
      plan.recorded_batch = batch;
      plan.recorded_optimizer = optimizer;
    }
    backend_->begin_iteration({batch, topology_.image_size, topology_.channels, images, rows, labels,
                               plan.augmentation.empty() ? nullptr : plan.augmentation.data(), iteration,
                               learning_rate});
    plan.recording->run([&] {
      // In every recorded iteration, since each ends by changing the weights.
      if (weights_changed || backend_->defers_results()) set_weights();
      result = forward_backward(images, labels, batch, iteration);
      finite = std::isfinite(result.loss);
      // Else the parameters stay as they were: the caller reports it.
      if (finite) update_parameters(learning_rate, optimizer);
    });
  } catch (...) {
    backend_->end_iteration();
    weights_changed_ = epilogues_changed_ = true;
    rethrow_with_advice(batch);
  }
  backend_->end_iteration();
  weights_changed_ = finite;
  epilogues_changed_ = true;
  if (!backend_->defers_results()) finished_.push_back(result);
  return finite;
}

std::vector<StepResult> Network::finish_steps() {
  std::vector<StepResult> results;
  results.swap(finished_);
  backend_->collect(&results);
  return results;
}

StepResult Network::train_step(const std::uint8_t* images, const std::int32_t* labels, int batch,
                               std::uint32_t iteration, float learning_rate, const Optimizer& optimizer) {
  begin_step(images, nullptr, labels, batch, iteration, learning_rate, optimizer);
  return finish_steps().back();
}

StepResult Network::gradients(const std::uint8_t* images, const std::int32_t* labels, int batch,
                              std::uint32_t iteration, const Optimizer& optimizer,
                              std::map<std::string, std::vector<float>>* gradients, std::vector<float>* logits) {
  prepare_step(batch, iteration, optimizer);
  backend_->begin_iteration({batch, topology_.image_size, topology_.channels, images, nullptr, labels,
                             training_->augmentation.empty() ? nullptr : training_->augmentation.data(), iteration,
                             0.0f});
  prepare_weights();
  StepResult result{0.0, 0};
  try {
    result = forward_backward(images, labels, batch, iteration);
  } catch (...) {
    backend_->end_iteration();
    throw;
  }
  backend_->end_iteration();
  epilogues_changed_ = true;
  if (backend_->defers_results()) result = finish_steps().back();
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

void Network::plan_inference(std::size_t count) {
  InferenceBatches batches = inference_batches_;
  if (batches.as_needed) {
    const int images = static_cast<int>(std::min<std::size_t>(count, 1 << 30));
    batches.convolutions = backend_->padded_batch(std::min(batches.convolutions, images));
    batches.dense = backend_->padded_batch(std::min(batches.dense, images));
  }
  require_operations(batches.convolutions, batches.dense, false);
  if (inference_ && inference_->convolution_batch >= batches.convolutions && inference_->dense_batch >= batches.dense)
    return;
  inference_.reset();
  auto plan = std::make_unique<InferencePlan>();
  plan->convolution_batch = batches.convolutions;
  plan->dense_batch = batches.dense;
  const std::size_t images = static_cast<std::size_t>(batches.convolutions);
  const std::size_t rows = static_cast<std::size_t>(batches.dense);
  plan->input = backend_->allocate_activations(images * image_values(topology_));
  // Room for any layer before its pool, since an analysis may ask for that.
  std::size_t largest = 0, offset = 0;
  for (const Layer& layer : layers_) {
    const bool convolution = layer.kind == LayerKind::convolution;
    if (layer.normalized) largest = std::max(largest, (convolution ? images : rows) * linear_values(layer));
    if (convolution) plan->feature_values = output_values(layer);
    plan->epilogue_offsets.push_back(offset);
    offset += 2 * epilogue_stride(layer);
  }
  plan->even = backend_->allocate_activations(largest);
  plan->odd = backend_->allocate_activations(largest);
  // No memory for what too many lanes, for so few images, would never use.
  if (backend_->lanes() > 0 && batches.dense >= images_of_lane * backend_->lanes()) {
    plan->by_image = layers_by_image(topology_, layers_);
    plan->lanes =
        backend_->allocate_activations(2 * static_cast<std::size_t>(backend_->lanes()) * plan->by_image.values);
    plan->handed_over = backend_->allocate_activations(rows * plan->by_image.handed_over);
  }
  plan->features = backend_->allocate_activations(rows * plan->feature_values);
  plan->logits = backend_->allocate(rows * static_cast<std::size_t>(topology_.classes));
  plan->posterior = backend_->allocate(rows * static_cast<std::size_t>(topology_.classes));
  plan->epilogues = backend_->allocate(offset);
  inference_ = std::move(plan);
  epilogues_changed_ = true;
}

void Network::prepare_epilogues() {
  if (!epilogues_changed_) return;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const std::size_t channels = static_cast<std::size_t>(layer.output_channels);
    std::vector<float> folded(channels + epilogue_stride(layer));
    float* const shift = folded.data() + epilogue_stride(layer);
    if (layer.normalized) {
      const auto gamma = tensor(layer.name + ".gamma"), beta = tensor(layer.name + ".beta");
      const auto mean = tensor(layer.name + ".running_mean"), variance = tensor(layer.name + ".running_variance");
      for (std::size_t c = 0; c < channels; ++c) {
        const double scale = gamma[c] / std::sqrt(static_cast<double>(variance[c]) + topology_.normalization_epsilon);
        folded[c] = static_cast<float>(scale);
        shift[c] = static_cast<float>(beta[c] - mean[c] * scale);
      }
    } else {
      const auto bias = tensor(layer.name + ".bias");
      std::fill_n(folded.begin(), channels, 1.0f);
      std::copy(bias.begin(), bias.end(), shift);
    }
    backend_->upload(folded.data(), folded.size(), inference_->epilogues->data() + inference_->epilogue_offsets[i]);
  }
  epilogues_changed_ = false;
}

void Network::infer_layer(std::size_t index, int batch, const float* input, std::size_t last_layer, Stage last_stage,
                          float* output) {
  const Layer& layer = layers_[index];
  const float* folded = inference_->epilogues->data() + inference_->epilogue_offsets[index];
  InferenceEpilogue epilogue{folded, folded + epilogue_stride(layer), layer.normalized, layer.pool};
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

Recording& Network::recording_of(LayerKind kind, int batch, std::size_t last_layer, Stage last_stage, bool to_the_end) {
  auto& recording = inference_->recordings[{kind, batch, last_layer, last_stage, to_the_end}];
  if (!recording) recording = backend_->recording();
  return *recording;
}

// The convolutions up to last_layer; the last one's output goes to `output`, or, if that is null, stays in a buffer of
// the plan. Returns where it is.
const float* Network::infer_convolutions(const std::uint8_t* images, int count, std::size_t last_layer,
                                         Stage last_stage, float* output) {
  InferencePlan& plan = *inference_;
  backend_->gather(
      {count, topology_.image_size, topology_.channels, images, nullptr, mean_->data(), scale_}, plan.input->data());
  const int batch = inference_batches_.as_needed ? backend_->padded_batch(count) : count;
  return infer_convolutions_from(0, plan.input->data(), batch, last_layer, last_stage, output);
}

// The same from first_layer on.
const float* Network::infer_convolutions_from(std::size_t first_layer, const float* first_input, int batch,
                                              std::size_t last_layer, Stage last_stage, float* output) {
  InferencePlan& plan = *inference_;
  const auto is_convolution = [&](std::size_t i) { return i < layers_.size() && layers_[i].kind == LayerKind::convolution; };
  const auto target_of = [&](std::size_t i) {
    const bool last = i == last_layer || !is_convolution(i + 1);
    return last && output ? output : (i % 2 == 0 ? plan.even : plan.odd)->data();
  };
  // A recording holds the place of its output, and features begin at the first place only where there is but one group.
  const auto operations = [&] {
    const float* input = first_input;
    for (std::size_t i = first_layer; is_convolution(i) && i <= last_layer; ++i) {
      infer_layer(i, batch, input, last_layer, last_stage, target_of(i));
      input = target_of(i);
    }
  };
  if (first_layer == 0 && (output == nullptr || output == plan.features->data()))
    recording_of(LayerKind::convolution, batch, last_layer, last_stage, output != nullptr).run(operations);
  else operations();
  std::size_t last = 0;
  while (last < last_layer && is_convolution(last + 1)) ++last;
  return target_of(last);
}

// The first layers, one image after the other in each lane, into the plan's handed_over.
void Network::infer_by_image(const std::uint8_t* images, int count, std::size_t last_layer, Stage last_stage) {
  InferencePlan& plan = *inference_;
  const ByImage& by_image = plan.by_image;
  for (std::size_t i = 0; i < by_image.layers; ++i) operations_->layers[i].convolution->prepare_inference();
  backend_->each_image(count, [&](int image, int lane) {
    float* const even = plan.lanes->data() + 2 * static_cast<std::size_t>(lane) * by_image.values;
    float* const odd = even + by_image.values;
    float* const handed_over = plan.handed_over->data() + static_cast<std::size_t>(image) * by_image.handed_over;
    backend_->gather({1, topology_.image_size, topology_.channels,
                      images + static_cast<std::size_t>(image) * image_values(topology_), nullptr, mean_->data(),
                      scale_},
                     odd);
    const float* input = odd;
    for (std::size_t i = 0; i < by_image.layers; ++i) {
      float* const output = i + 1 == by_image.layers ? handed_over : i % 2 == 0 ? even : odd;
      infer_layer(i, 1, input, last_layer, last_stage, output);
      input = output;
    }
  });
}

// At most as many images as inference takes through the dense layers at once.
const float* Network::infer_chunk(const std::uint8_t* images, int count, std::size_t last_layer, Stage last_stage,
                                  bool posterior) {
  InferencePlan& plan = *inference_;
  const int group = inference_batches_.convolutions;
  const bool by_image = plan.by_image.layers > 0 && count >= images_of_lane * backend_->lanes();
  if (by_image) infer_by_image(images, count, last_layer, last_stage);
  for (int start = 0; start < count; start += group) {
    const std::size_t first = static_cast<std::size_t>(start);
    const int here = std::min(group, count - start);
    float* const features = plan.features->data() + first * plan.feature_values;
    if (by_image)
      infer_convolutions_from(plan.by_image.layers, plan.handed_over->data() + first * plan.by_image.handed_over, here,
                              last_layer, last_stage, features);
    else
      infer_convolutions(images + first * image_values(topology_), here, last_layer, last_stage, features);
  }
  const int batch = inference_batches_.as_needed ? backend_->padded_batch(count) : count;
  const auto target_of = [&](std::size_t i) {
    return (!layers_[i].normalized ? plan.logits : i % 2 == 0 ? plan.even : plan.odd)->data();
  };
  recording_of(LayerKind::dense, batch, last_layer, last_stage, posterior).run([&] {
    const float* input = plan.features->data();
    for (std::size_t i = 0; i <= last_layer; ++i) {
      if (layers_[i].kind == LayerKind::convolution) continue;
      infer_layer(i, batch, input, last_layer, last_stage, target_of(i));
      input = target_of(i);
    }
    if (posterior) backend_->softmax(batch, topology_.classes, input, plan.posterior->data());
  });
  return target_of(last_layer);
}

// consume(first, count, output) for consecutive images, which lie at `images` or, if that is null, are fetched by `read`:
// the output of the last layer, on the device.
template <typename Consume>
void Network::infer(const std::uint8_t* images, const ImageReader* read, std::size_t count, std::size_t last_layer,
                    Stage last_stage, bool posterior, const Consume& consume) {
  // Whatever happens, no copy into the caller's arrays is left under way.
  struct Finish {
    Backend& backend;
    ~Finish() {
      try {
        backend.finish();
      } catch (...) {
        // The failure that brought us here, or one that the next call meets again.
      }
    }
  } finish{*backend_};
  const bool dense = layers_[last_layer].kind == LayerKind::dense;
  std::size_t first = 0;
  while (first < count) {
    const int step = dense ? inference_batches_.dense : inference_batches_.convolutions;
    const int here = chunk_of(inference_batches_, step, count - first);
    const float* output = nullptr;
    try {
      plan_inference(static_cast<std::size_t>(here));
      prepare_weights();
      prepare_epilogues();
      const std::uint8_t* chunk = images != nullptr ? images + first * image_values(topology_) : nullptr;
      if (chunk == nullptr) {
        std::uint8_t* target = backend_->staging(static_cast<std::size_t>(here) * image_values(topology_));
        (*read)(first, here, target);
        chunk = target;
      }
      output = dense ? infer_chunk(chunk, here, last_layer, last_stage, posterior)
                     : infer_convolutions(chunk, here, last_layer, last_stage, nullptr);
    } catch (const Error& error) {
      if (!reduce_batches(error)) throw;
      continue;
    }
    consume(first, here, output);
    first += static_cast<std::size_t>(here);
  }
  backend_->finish();
}

// Whether the call may be tried again with half the images at once. What was made for more is given back.
bool Network::reduce_batches(const Error& error) {
  if (error.code() != "out-of-memory" || !inference_batches_.as_needed || inference_batches_.convolutions < 2)
    return false;
  backend_->finish();
  inference_.reset();
  if (training_) training_->recording.reset();
  operations_.reset();
  weights_changed_ = true;
  inference_batches_.convolutions /= 2;
  inference_batches_.dense = inference_batches_.convolutions;
  return true;
}

void Network::forward(const std::uint8_t* images, int batch, float* logits, float* posterior) {
  forward_all(images, nullptr, static_cast<std::size_t>(batch), logits, posterior);
}

void Network::forward(const ImageReader& read, std::size_t count, float* logits, float* posterior) {
  forward_all(nullptr, &read, count, logits, posterior);
}

void Network::forward_all(const std::uint8_t* images, const ImageReader* read, std::size_t count, float* logits,
                          float* posterior) {
  const std::size_t classes = static_cast<std::size_t>(topology_.classes);
  infer(images, read, count, layers_.size() - 1, Stage::pooled, posterior != nullptr,
        [&](std::size_t first, int here, const float* output) {
          const std::size_t values = static_cast<std::size_t>(here) * classes;
          if (logits) backend_->download_later(output, values, logits + first * classes);
          if (posterior) backend_->download_later(inference_->posterior->data(), values, posterior + first * classes);
        });
}

void Network::activations(const std::uint8_t* images, int batch, const std::string& name, Stage stage, float* output) {
  std::size_t values = 1;
  for (const std::size_t extent : activation_shape(layers_, name, stage)) values *= extent;
  std::size_t index = 0;
  while (layers_[index].name != name) ++index;
  infer(images, nullptr, static_cast<std::size_t>(batch), index, stage, false,
        [&](std::size_t first, int count, const float* activations) {
          const std::size_t total = static_cast<std::size_t>(count) * values;
          if (layers_[index].normalized) backend_->download_activations(activations, total, output + first * values);
          else backend_->download(activations, total, output + first * values);
        });
}

}  // namespace deepyeast
