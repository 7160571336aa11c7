// The training step of a network: forward with batch statistics, backward, update.
#include <algorithm>
#include <cmath>

#include "memory_plan.h"
#include "network_plans.h"

namespace deepyeast {

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
}  // namespace deepyeast
