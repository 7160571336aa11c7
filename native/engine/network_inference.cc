// Inference: images to posteriors or to any layer's output, chunk by chunk, with normalization folded into the layers
// before it.
#include <algorithm>
#include <cmath>

#include "memory_plan.h"
#include "network_plans.h"

namespace deepyeast {
namespace {

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

constexpr int images_of_lane = 16;    // at least, for a batch to be cut into shares
constexpr int images_of_share = 20;   // at most: more, which read the weights less often, gain nothing measurable
constexpr int images_under_way = 64;  // in all shares together: what bounds their memory

bool has_shares(const Backend& backend, int images) {
  return backend.lanes() > 0 && images >= images_of_lane * backend.lanes();
}

Shares plan_shares(const Topology& topology, const std::vector<Layer>& layers, int lanes) {
  Shares result;
  std::size_t i = 0, input = image_values(topology);
  for (; layers[i + 1].kind == LayerKind::convolution; ++i) {
    const std::size_t output = output_values(layers[i]);
    if (input + output < std::size_t{9} * layers[i].input_channels * layers[i].output_channels) break;
    result.first_layer_values = std::max({result.first_layer_values, input, output});
    result.handed_over = input = output;
  }
  if (i == 0) return result;
  result.first_layers = i;
  result.first_layer_values = (result.first_layer_values + 15) / 16 * 16;
  result.images = std::clamp(images_under_way / lanes, images_of_lane / 2, images_of_share);
  for (; layers[i].kind == LayerKind::convolution; ++i)
    result.values = std::max(result.values, result.images * output_values(layers[i]));
  return result;
}

// How many shares of `most` images at most; as many for each lane.
int shares_of(int images, int most, int lanes) {
  const int at_once = most * lanes;
  return (images + at_once - 1) / at_once * lanes;
}

}  // namespace

void Network::plan_inference(std::size_t count) {
  InferenceBatches batches = inference_batches_;
  if (batches.as_needed) {
    const int images = static_cast<int>(std::min<std::size_t>(count, 1 << 30));
    batches.convolutions = backend_->padded_batch(std::min(batches.convolutions, images));
    batches.dense = backend_->padded_batch(std::min(batches.dense, images));
  }
  // No memory for shares that too many lanes, for so few images, would never use.
  Shares shares;
  if (has_shares(*backend_, batches.dense)) shares = plan_shares(topology_, layers_, backend_->lanes());
  require_operations(std::max(batches.convolutions, shares.images), batches.dense, false);
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
  if (shares.images > 0) {
    const std::size_t lanes = static_cast<std::size_t>(backend_->lanes());
    plan->shares = shares;
    plan->first_layers = backend_->allocate_activations(2 * lanes * shares.first_layer_values);
    plan->handed_over = backend_->allocate_activations(lanes * shares.images * shares.handed_over);
    largest = std::max(largest, lanes * shares.values);
  }
  plan->even = backend_->allocate_activations(largest);
  plan->odd = backend_->allocate_activations(largest);
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
  return infer_convolutions_from(0, plan.input->data(), batch, last_layer, last_stage, plan.even->data(),
                                 plan.odd->data(), output);
}

// The same from first_layer on, in the memory given.
const float* Network::infer_convolutions_from(std::size_t first_layer, const float* first_input, int batch,
                                              std::size_t last_layer, Stage last_stage, float* even, float* odd,
                                              float* output) {
  const auto is_convolution = [&](std::size_t i) { return i < layers_.size() && layers_[i].kind == LayerKind::convolution; };
  const auto target_of = [&](std::size_t i) {
    const bool last = i == last_layer || !is_convolution(i + 1);
    return last && output ? output : i % 2 == 0 ? even : odd;
  };
  // A recording holds the place of its output, and features begin at the first place only where there is but one group.
  // There is none in shares, which several threads go through at once.
  const auto operations = [&] {
    const float* input = first_input;
    for (std::size_t i = first_layer; is_convolution(i) && i <= last_layer; ++i) {
      infer_layer(i, batch, input, last_layer, last_stage, target_of(i));
      input = target_of(i);
    }
  };
  if (first_layer == 0 && (output == nullptr || output == inference_->features->data()))
    recording_of(LayerKind::convolution, batch, last_layer, last_stage, output != nullptr).run(operations);
  else operations();
  std::size_t last = 0;
  while (last < last_layer && is_convolution(last + 1)) ++last;
  return target_of(last);
}

// The convolutions of `count` images, in shares, into the plan's features.
void Network::infer_shares(const std::uint8_t* images, int count, std::size_t last_layer, Stage last_stage) {
  InferencePlan& plan = *inference_;
  const Shares& sizes = plan.shares;
  for (Operations::Operation& operation : operations_->layers)
    if (operation.convolution) operation.convolution->prepare_inference();

  const int shares = shares_of(count, sizes.images, backend_->lanes());
  backend_->each_share(shares, [&](int share, int lane) {
    const std::size_t first = static_cast<std::size_t>(count) * share / shares;
    const int here = static_cast<int>(static_cast<std::size_t>(count) * (share + 1) / shares - first);
    float* const handed_over =
        plan.handed_over->data() + static_cast<std::size_t>(lane) * sizes.images * sizes.handed_over;
    backend_->each_image(here, [&](int image, int lane_of_image) {
      infer_first_layers(images + (first + image) * image_values(topology_), lane_of_image, last_layer, last_stage,
                         handed_over + static_cast<std::size_t>(image) * sizes.handed_over);
    });
    const std::size_t offset = static_cast<std::size_t>(lane) * sizes.values;
    infer_convolutions_from(sizes.first_layers, handed_over, here, last_layer, last_stage, plan.even->data() + offset,
                            plan.odd->data() + offset, plan.features->data() + first * plan.feature_values);
  });
}

// Those that shares go through image by image, for one image.
void Network::infer_first_layers(const std::uint8_t* image, int lane, std::size_t last_layer, Stage last_stage,
                                 float* handed_over) {
  const Shares& sizes = inference_->shares;
  float* const even = inference_->first_layers->data() + 2 * static_cast<std::size_t>(lane) * sizes.first_layer_values;
  float* const odd = even + sizes.first_layer_values;
  backend_->gather({1, topology_.image_size, topology_.channels, image, nullptr, mean_->data(), scale_}, odd);
  const float* input = odd;
  for (std::size_t i = 0; i < sizes.first_layers; ++i) {
    float* const output = i + 1 == sizes.first_layers ? handed_over : i % 2 == 0 ? even : odd;
    infer_layer(i, 1, input, last_layer, last_stage, output);
    input = output;
  }
}

// At most as many images as inference takes through the dense layers at once.
const float* Network::infer_chunk(const std::uint8_t* images, int count, std::size_t last_layer, Stage last_stage,
                                  bool posterior) {
  InferencePlan& plan = *inference_;
  if (plan.shares.images > 0 && has_shares(*backend_, count)) {
    infer_shares(images, count, last_layer, last_stage);
  } else {
    const int group = inference_batches_.convolutions;
    for (int start = 0; start < count; start += group) {
      const std::size_t first = static_cast<std::size_t>(start);
      infer_convolutions(images + first * image_values(topology_), std::min(group, count - start), last_layer,
                         last_stage, plan.features->data() + first * plan.feature_values);
    }
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
