#include "training.h"

#include <algorithm>
#include <cmath>

#include "../system/error.h"

namespace deepyeast {

struct Training::Plan {
  int batch;
  std::unique_ptr<Buffer> input;
  struct LayerBuffers {
    std::unique_ptr<Buffer> linear;      // before normalization; the last layer's are the logits
    std::unique_ptr<Buffer> output;      // after normalization, ReLU and pool or dropout, where it is kept
    std::unique_ptr<Buffer> statistics;  // mean, then variance
  };
  std::vector<LayerBuffers> layers;
  // Large enough for any layer. The first also holds outputs that are not kept: a layer's output is needed before its
  // gradient is computed, and again after the gradient was used.
  std::unique_ptr<Buffer> output_gradient, linear_gradient;
  std::unique_ptr<Buffer> gradients;  // laid out as the parameters
  std::vector<double> losses;
  std::vector<std::int32_t> predicted;
  std::vector<std::uint8_t> augmentation;       // codes; empty: none
  std::vector<CellPerturbation> perturbations;  // empty: none
  std::vector<float> targets;                   // [batch, classes]; empty: the labels
  // The last iteration, which is valid for its batch and optimizer, and for losses of labels or of targets.
  std::unique_ptr<Recording> recording;
  int recorded_batch = 0;
  bool recorded_targets = false;
  Optimizer recorded_optimizer;

  BatchStatistics statistics(std::size_t layer, int channels) {
    float* mean = layers[layer].statistics->data();
    return {mean, mean + channels};
  }
  template <typename Value>
  static const Value* or_null(const std::vector<Value>& values) {
    return values.empty() ? nullptr : values.data();
  }
};

Training::Training(const Topology& topology, const std::vector<Layer>& layers, std::uint64_t seed,
                   Parameters& parameters, LayerOperations& operations, Backend& backend)
    : topology_(topology), layers_(layers), seed_(seed), parameters_(parameters), operations_(operations),
      backend_(backend) {}

Training::~Training() = default;

void Training::forget_recording() {
  if (plan_) plan_->recording.reset();
}

void Training::release() { plan_.reset(); }

void Training::require_normalizable(int batch) const {
  for (const Layer& layer : layers_) {
    if (layer.normalized && static_cast<std::size_t>(batch) * layer.height * layer.width < 2) {
      throw Error("invalid-argument", "batch normalization of " + layer.name +
                                          " needs at least two values in training; found a batch of one: "
                                          "use a batch of two or more");
    }
  }
}

void Training::plan(int batch) {
  if (plan_ && plan_->batch >= batch && operations_.serve({batch, batch}, true)) return;
  const std::size_t n = static_cast<std::size_t>(batch);
  plan_.reset();
  operations_.require({batch, batch}, true);
  auto plan = std::make_unique<Plan>();
  plan->batch = batch;
  plan->input = backend_.allocate_activations(n * image_values(topology_));
  std::size_t largest = image_values(topology_);
  for (const Layer& layer : layers_) {
    Plan::LayerBuffers buffers;
    if (layer.normalized) {
      buffers.linear = backend_.allocate_activations(n * linear_values(layer));
      if (backend_.keeps_activations()) buffers.output = backend_.allocate_activations(n * output_values(layer));
      buffers.statistics = backend_.allocate(2 * static_cast<std::size_t>(layer.output_channels));
    } else {
      buffers.linear = backend_.allocate(n * linear_values(layer));
    }
    plan->layers.push_back(std::move(buffers));
    largest = std::max(largest, linear_values(layer));
  }
  plan->output_gradient = backend_.allocate_activations(n * largest);
  plan->linear_gradient = backend_.allocate_activations(n * largest);
  plan->gradients = backend_.allocate(parameters_.layout().trainable_size);
  plan->losses.resize(n);
  plan->predicted.resize(n);
  plan_ = std::move(plan);
}

void Training::draw_augmentation(int batch, std::uint32_t iteration, const Optimizer& optimizer) {
  plan_->augmentation.clear();
  plan_->perturbations.clear();
  if (optimizer.augment) {
    const RandomStream stream = augmentation_codes(seed_, iteration);
    for (int cell = 0; cell < batch; ++cell) {
      plan_->augmentation.push_back(static_cast<std::uint8_t>(stream.word(static_cast<std::uint64_t>(cell)) & 7u));
    }
  }
  if (optimizer.perturbations.any()) {
    plan_->perturbations = draw_perturbations(optimizer.perturbations, seed_, iteration, batch, topology_.channels);
  }
}

// What the loss is taken against, where that is not one label a cell: cells that are mixed share their targets by the same
// weights.
void Training::mix_targets(const std::int32_t* labels, const float* targets, int batch, bool mixed) {
  const std::size_t classes = static_cast<std::size_t>(topology_.classes), n = static_cast<std::size_t>(batch);
  plan_->targets.clear();
  if (targets == nullptr && !mixed) return;
  plan_->targets.resize(n * classes);
  const auto target_of = [&](std::size_t cell, std::size_t k) {
    if (targets != nullptr) return targets[cell * classes + k];
    return static_cast<std::size_t>(labels[cell]) == k ? 1.0f : 0.0f;
  };
  for (std::size_t cell = 0; cell < n; ++cell) {
    const float partner = mixed ? plan_->perturbations[cell].partner : 0.0f;
    const std::size_t other = partner > 0 ? cell ^ 1 : cell;
    for (std::size_t k = 0; k < classes; ++k) {
      plan_->targets[cell * classes + k] = (1.0f - partner) * target_of(cell, k) + partner * target_of(other, k);
    }
  }
}

void Training::prepare_step(const std::int32_t* labels, const float* targets, int batch, std::uint32_t iteration,
                            const Optimizer& optimizer) {
  require_normalizable(batch);
  plan(batch);
  draw_augmentation(batch, iteration, optimizer);
  mix_targets(labels, targets, batch, optimizer.perturbations.mixup > 0);
}

void Training::begin_iteration(const std::uint8_t* images, const std::uint32_t* rows, const std::int32_t* labels,
                               int batch, std::uint32_t iteration, float learning_rate) {
  backend_.begin_iteration({batch, topology_.image_size, topology_.channels, images, rows, labels,
                            Plan::or_null(plan_->augmentation), iteration, learning_rate,
                            Plan::or_null(plan_->perturbations), Plan::or_null(plan_->targets), topology_.classes});
}

NormalizationShape Training::normalization_shape(std::size_t index, int batch) const {
  const Layer& layer = layers_[index];
  return {batch,
          layer.height,
          layer.width,
          layer.output_channels,
          layer.pool,
          topology_.normalization_epsilon,
          layer.dropout ? topology_.dropout : 0.0f};
}

NormalizationArguments Training::normalization_arguments(std::size_t index, const RandomStream* dropout) {
  const Layer& layer = layers_[index];
  return {plan_->layers[index].linear->data(), plan_->statistics(index, layer.output_channels),
          parameters_.at(layer.name + ".gamma"), parameters_.at(layer.name + ".beta"),
          layer.dropout ? dropout : nullptr};
}

RandomStream Training::dropout_stream(std::size_t layer, std::uint32_t iteration) const {
  return RandomStream(seed_, Purpose::dropout, iteration, static_cast<std::uint32_t>(layer));
}

// From a layer's linear output to what the next layer reads.
void Training::normalize(std::size_t layer, int batch, std::uint32_t iteration) {
  const RandomStream dropout = dropout_stream(layer, iteration);
  Buffer& output = plan_->layers[layer].output ? *plan_->layers[layer].output : *plan_->output_gradient;
  backend_.normalization_forward(normalization_shape(layer, batch), normalization_arguments(layer, &dropout),
                                 output.data());
}

const float* Training::input_of(std::size_t layer) {
  if (layer == 0) return plan_->input->data();
  return (plan_->layers[layer - 1].output ? *plan_->layers[layer - 1].output : *plan_->output_gradient).data();
}

void Training::forward(const std::uint8_t* images, int batch, std::uint32_t iteration, float statistics_momentum) {
  const RandomStream white = white_noise(seed_, iteration), correlated = correlated_noise(seed_, iteration);
  backend_.gather({batch, topology_.image_size, topology_.channels, images, Plan::or_null(plan_->augmentation),
                   parameters_.mean(), parameters_.scale(), Plan::or_null(plan_->perturbations), &white, &correlated},
                  plan_->input->data());
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    float* linear = plan_->layers[i].linear->data();
    if (!layer.normalized) {
      operations_[i].dense->forward(batch, input_of(i), parameters_.at(layer.name + ".bias"), linear, nullptr);
      break;
    }
    BatchStatistics statistics = plan_->statistics(i, layer.output_channels);
    if (layer.kind == LayerKind::convolution) {
      operations_[i].convolution->forward(batch, input_of(i), linear, &statistics);
    } else {
      operations_[i].dense->forward(batch, input_of(i), nullptr, linear, &statistics);
    }
    normalize(i, batch, iteration);
    backend_.update_running_statistics(
        layer.output_channels, static_cast<std::size_t>(batch) * layer.height * layer.width,
        statistics_momentum, statistics, parameters_.at(layer.name + ".running_mean"),
        parameters_.at(layer.name + ".running_variance"));
  }
}

// From the gradient of the logits, in linear_gradient, to those of all parameters.
void Training::backward(int batch, std::uint32_t iteration) {
  float* output_gradient = plan_->output_gradient->data();
  float* linear_gradient = plan_->linear_gradient->data();
  const auto gradient = [&](const std::string& name) { return plan_->gradients->data() + parameters_.offset(name); };
  for (std::size_t i = layers_.size(); i-- > 0;) {
    const Layer& layer = layers_[i];
    if (layer.normalized) {
      const RandomStream dropout = dropout_stream(i, iteration);
      backend_.normalization_backward(normalization_shape(i, batch), normalization_arguments(i, &dropout),
                                      output_gradient, linear_gradient, gradient(layer.name + ".gamma"),
                                      gradient(layer.name + ".beta"));
    }
    if (i > 0 && i + 1 < layers_.size() && !plan_->layers[i - 1].output) normalize(i - 1, batch, iteration);
    float* weight_gradient = gradient(layer.name + ".weight");
    if (layer.kind == LayerKind::convolution) {
      Convolution& convolution = *operations_[i].convolution;
      convolution.backward_weights(batch, input_of(i), linear_gradient, weight_gradient);
      if (i > 0) convolution.backward_data(batch, linear_gradient, output_gradient);
    } else {
      Dense& dense = *operations_[i].dense;
      dense.backward_weights(batch, input_of(i), linear_gradient, weight_gradient,
                             layer.normalized ? nullptr : gradient(layer.name + ".bias"));
      dense.backward_data(batch, linear_gradient, output_gradient);
    }
  }
}

StepResult Training::forward_backward(const std::uint8_t* images, const std::int32_t* labels, int batch,
                                      std::uint32_t iteration) {
  forward(images, batch, iteration, topology_.normalization_momentum);
  backend_.softmax_cross_entropy(batch, topology_.classes, plan_->layers.back().linear->data(), labels,
                                 Plan::or_null(plan_->targets), plan_->losses.data(), plan_->predicted.data(),
                                 plan_->linear_gradient->data());
  backward(batch, iteration);

  StepResult result{0.0, 0};
  if (backend_.defers_results()) return result;
  for (int cell = 0; cell < batch; ++cell) {
    result.loss += plan_->losses[static_cast<std::size_t>(cell)];
    result.correct += plan_->predicted[static_cast<std::size_t>(cell)] == labels[cell] ? 1 : 0;
  }
  result.loss /= batch;
  return result;
}

void Training::update_parameters(float learning_rate, const Optimizer& optimizer) {
  std::vector<UpdateArguments> ranges;
  for (const ParameterSpecification& specification : parameters_.layout().specifications) {
    if (!specification.trainable()) continue;
    ranges.push_back({specification.count, learning_rate, optimizer.momentum,
                      specification.kind == ParameterKind::weight ? optimizer.weight_decay : 0.0f,
                      optimizer.caffe_momentum, parameters_.trainable() + specification.offset,
                      parameters_.velocity() + specification.offset, plan_->gradients->data() + specification.offset});
  }
  backend_.update_all(ranges);
}

bool Training::begin_step(const std::uint8_t* images, const std::uint32_t* rows, const std::int32_t* labels, int batch,
                          std::uint32_t iteration, float learning_rate, const Optimizer& optimizer,
                          const float* targets) {
  prepare_step(labels, targets, batch, iteration, optimizer);
  StepResult result{0.0, 0};
  bool finite = true;
  // In every recorded iteration, since each ends by changing the weights.
  const bool set_weights = backend_.defers_results() || !operations_.weights_are_set();
  try {
    parameters_.velocity();  // allocated before anything is recorded
    const bool has_targets = !plan_->targets.empty();
    if (!plan_->recording || plan_->recorded_batch != batch || plan_->recorded_targets != has_targets ||
        !(plan_->recorded_optimizer == optimizer)) {
      plan_->recording = backend_.recording();
      plan_->recorded_batch = batch;
      plan_->recorded_targets = has_targets;
      plan_->recorded_optimizer = optimizer;
    }
    begin_iteration(images, rows, labels, batch, iteration, learning_rate);
    plan_->recording->run([&] {
      if (set_weights) operations_.set_weights();
      result = forward_backward(images, labels, batch, iteration);
      finite = std::isfinite(result.loss);
      // Else the parameters stay as they were: the caller reports it.
      if (finite) update_parameters(learning_rate, optimizer);
    });
  } catch (...) {
    backend_.end_iteration();
    parameters_.mark_changed();
    throw;
  }
  backend_.end_iteration();
  parameters_.mark_changed();
  if (!backend_.defers_results()) finished_.push_back(result);
  return finite;
}

std::vector<StepResult> Training::finish_steps() {
  std::vector<StepResult> results;
  results.swap(finished_);
  backend_.collect(&results);
  return results;
}

// Calls step(number, images, rows) for each mini-batch: with images in host memory, or with rows where the device holds them.
// It is false to stop.
template <typename Step>
void Training::each_batch(const MiniBatches& batches, const std::function<bool()>& cancelled, const Step& step) {
  const ImageStore& store = batches.images;
  const std::size_t batch = static_cast<std::size_t>(batches.batch);
  const bool held = backend_.hold_images(
      store.id(), store.count(), store.image_bytes(),
      [&](std::uint64_t first, std::size_t number, std::uint8_t* target) { store.read_run(first, number, target); });
  for (std::size_t number = 0; number < batches.learning_rates.size() && !cancelled(); ++number) {
    const std::uint32_t* rows = batches.rows + number * batch;
    std::uint8_t* images = nullptr;
    if (!held) {
      images = backend_.staging(batch * store.image_bytes());
      store.read(rows, batch, images);
    }
    if (!step(number, images, held ? rows : nullptr)) return;
  }
}

std::vector<StepResult> Training::run(const MiniBatches& batches, const std::function<bool()>& cancelled) {
  const std::size_t batch = static_cast<std::size_t>(batches.batch), classes = static_cast<std::size_t>(topology_.classes);
  try {
    each_batch(batches, cancelled, [&](std::size_t number, const std::uint8_t* images, const std::uint32_t* rows) {
      const float* targets = batches.targets != nullptr ? batches.targets + number * batch * classes : nullptr;
      if (!begin_step(images, rows, batches.labels + number * batch, batches.batch,
                      batches.first_iteration + static_cast<std::uint32_t>(number),
                      static_cast<float>(batches.learning_rates[number]), batches.optimizer, targets))
        return false;
      const double share = batches.average_shares != nullptr ? (*batches.average_shares)[number] : 0.0;
      if (share > 0) parameters_.average(static_cast<float>(share));
      return true;
    });
  } catch (...) {
    // The iterations begun before the failure belong to this call: the next call must not get their results. A second
    // failure here tells less than the first.
    try {
      finish_steps();
    } catch (...) {
    }
    throw;
  }
  return finish_steps();
}

// Running statistics become the mean of those of the mini-batches, as training shows them but for the mixing of cells, which
// what the network will see has not.
void Training::recompute_statistics(const MiniBatches& batches, const std::function<bool()>& cancelled) {
  Optimizer optimizer = batches.optimizer;
  optimizer.perturbations.mixup = 0;
  each_batch(batches, cancelled, [&](std::size_t number, const std::uint8_t* images, const std::uint32_t* rows) {
    const std::uint32_t iteration = batches.first_iteration + static_cast<std::uint32_t>(number);
    const std::int32_t* labels = batches.labels + number * static_cast<std::size_t>(batches.batch);
    prepare_step(labels, nullptr, batches.batch, iteration, optimizer);
    begin_iteration(images, rows, labels, batches.batch, iteration, 0.0f);
    try {
      operations_.prepare_weights();
      forward(images, batches.batch, iteration, 1.0f / static_cast<float>(number + 1));
    } catch (...) {
      backend_.end_iteration();
      throw;
    }
    backend_.end_iteration();
    return true;
  });
  parameters_.mark_changed();
}

StepResult Training::gradients(const std::uint8_t* images, const std::int32_t* labels, int batch,
                               std::uint32_t iteration, const Optimizer& optimizer,
                               std::map<std::string, std::vector<float>>* gradients, std::vector<float>* logits) {
  prepare_step(labels, nullptr, batch, iteration, optimizer);
  begin_iteration(images, nullptr, labels, batch, iteration, 0.0f);
  operations_.prepare_weights();
  StepResult result{0.0, 0};
  try {
    result = forward_backward(images, labels, batch, iteration);
  } catch (...) {
    backend_.end_iteration();
    throw;
  }
  backend_.end_iteration();
  parameters_.mark_changed();  // the running statistics
  if (backend_.defers_results()) result = finish_steps().back();
  for (const ParameterSpecification& specification : parameters_.layout().specifications) {
    if (!specification.trainable()) continue;
    std::vector<float>& values = (*gradients)[specification.name];
    values.resize(specification.count);
    backend_.download(plan_->gradients->data() + specification.offset, specification.count, values.data());
  }
  logits->resize(static_cast<std::size_t>(batch) * topology_.classes);
  backend_.download(plan_->layers.back().linear->data(), logits->size(), logits->data());
  return result;
}

}  // namespace deepyeast
