#include "network.h"

#include "../system/error.h"
#include "memory_plan.h"

namespace deepyeast {
namespace {

Topology validated(Topology topology) {
  topology.validate();
  return topology;
}

}  // namespace

Network::Network(Topology topology, std::uint64_t seed, std::unique_ptr<Backend> backend, bool draw_weights)
    : topology_(validated(std::move(topology))),
      layers_(layers_of(topology_)),
      backend_(std::move(backend)),
      parameters_(topology_, layers_, seed, *backend_, draw_weights),
      operations_(layers_, parameters_, *backend_,
                  [this] {
                    training_.forget_recording();
                    inference_.release();
                  }),
      training_(topology_, layers_, seed, parameters_, operations_, *backend_),
      inference_(topology_, layers_, parameters_, operations_, *backend_) {}

void Network::set_input_transform(const float* mean, float scale) {
  parameters_.set_input_transform(mean, scale);
  training_.forget_recording();  // which holds the scale
}

// Where memory is exhausted, frees what was allocated for training and inference and names the batch that would fit.
template <typename Step>
auto Network::with_advice_on_memory(int batch, const Step& step) {
  try {
    return step();
  } catch (const Error& error) {
    if (error.code() != "out-of-memory") throw;
    training_.release();
    operations_.release();
    throw Error(error.code(), error.what() + advice_on_memory(layers_, topology_, layout(), *backend_, batch));
  }
}

std::vector<StepResult> Network::train(const MiniBatches& batches, const std::function<bool()>& cancelled) {
  return with_advice_on_memory(batches.batch, [&] { return training_.run(batches, cancelled); });
}

void Network::recompute_statistics(const MiniBatches& batches, const std::function<bool()>& cancelled) {
  with_advice_on_memory(batches.batch, [&] { training_.recompute_statistics(batches, cancelled); });
}

void Network::swap_average() {
  training_.forget_recording();
  parameters_.swap_average();
}

bool Network::begin_step(const std::uint8_t* images, const std::uint32_t* rows, const std::int32_t* labels, int batch,
                         std::uint32_t iteration, float learning_rate, const Optimizer& optimizer) {
  return with_advice_on_memory(batch, [&] {
    return training_.begin_step(images, rows, labels, batch, iteration, learning_rate, optimizer);
  });
}

StepResult Network::train_step(const std::uint8_t* images, const std::int32_t* labels, int batch,
                               std::uint32_t iteration, float learning_rate, const Optimizer& optimizer) {
  begin_step(images, nullptr, labels, batch, iteration, learning_rate, optimizer);
  return finish_steps().back();
}

StepResult Network::gradients(const std::uint8_t* images, const std::int32_t* labels, int batch,
                              std::uint32_t iteration, const Optimizer& optimizer,
                              std::map<std::string, std::vector<float>>* gradients, std::vector<float>* logits) {
  return with_advice_on_memory(batch, [&] {
    return training_.gradients(images, labels, batch, iteration, optimizer, gradients, logits);
  });
}

void Network::forward(const std::uint8_t* images, int batch, float* logits, float* posterior) {
  inference_.run(layers_.size() - 1, Stage::linear, {static_cast<std::size_t>(batch), images, nullptr},
                 {logits, posterior});
}

void Network::forward(const ImageReader& read, std::size_t count, float* logits, float* posterior) {
  inference_.run(layers_.size() - 1, Stage::linear, {count, nullptr, read}, {logits, posterior});
}

void Network::activations(const std::uint8_t* images, int count, const std::string& layer, Stage stage,
                          float* output) {
  run_inference(layer, stage, {static_cast<std::size_t>(count), images, nullptr}, output);
}

void Network::activations(const ImageReader& read, std::size_t count, const std::string& layer, Stage stage,
                          float* output) {
  run_inference(layer, stage, {count, nullptr, read}, output);
}

void Network::run_inference(const std::string& layer, Stage stage, const InferenceImages& images, float* output) {
  activation_shape(layers_, layer, stage);  // throws where there is no such output
  inference_.run(index_of(layers_, layer), stage, images, {output, nullptr});
}

}  // namespace deepyeast
