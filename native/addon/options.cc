#include "options.h"

#include <algorithm>
#include <cstring>

#include "../system/error.h"
#include "arguments.h"
#include "image_store_object.h"

namespace deepyeast {
namespace {

constexpr std::size_t kMaximumList = 64;

std::size_t bytes_per_image(const Topology& topology) {
  return static_cast<std::size_t>(topology.image_size) * topology.image_size * topology.channels;
}

std::string shape_text(int size, int channels) {
  return std::to_string(size) + "x" + std::to_string(size) + " pixels of " + std::to_string(channels) + " channels";
}

}  // namespace

Topology topology_argument(const Napi::Value& value) {
  const Napi::Object object = object_argument(value, "topology");
  Topology topology;
  constexpr std::uint64_t kLimit = 1 << 20;
  topology.image_size = static_cast<int>(integer_argument(object.Get("imageSize"), "topology.imageSize", 1, kLimit));
  topology.channels = static_cast<int>(integer_argument(object.Get("channels"), "topology.channels", 1, kLimit));
  topology.classes = static_cast<int>(integer_argument(object.Get("classes"), "topology.classes", 1, kLimit));
  const Napi::Value blocks = object.Get("blocks");
  if (!blocks.IsArray() || blocks.As<Napi::Array>().Length() > kMaximumList) {
    throw Error("invalid-argument", "topology.blocks is " + described(blocks) + "; expected a short array of arrays");
  }
  topology.blocks.clear();
  const Napi::Array array = blocks.As<Napi::Array>();
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    topology.blocks.push_back(
        integer_array(array.Get(i), "topology.blocks[" + std::to_string(i) + "]", kMaximumList));
  }
  topology.dense = integer_array(object.Get("dense"), "topology.dense", kMaximumList);
  topology.dropout = static_cast<float>(number_argument(object.Get("dropout"), "topology.dropout", 0, 1));
  topology.normalization_epsilon = static_cast<float>(
      number_argument(object.Get("normalizationEpsilon"), "topology.normalizationEpsilon", 1e-12, 1));
  topology.normalization_momentum = static_cast<float>(
      number_argument(object.Get("normalizationMomentum"), "topology.normalizationMomentum", 0, 1));
  topology.validate();
  return topology;
}

namespace {

Range range_argument(const Napi::Object& object, const char* name, double least, double most) {
  const std::string full = std::string("optimizer.perturbations.") + name;
  const std::vector<double> ends = float64_array(object.Get(name), full);
  if (ends.size() != 2 || !(ends[0] >= least && ends[0] <= ends[1] && ends[1] <= most)) {
    throw Error("invalid-argument", full + " is no range; expected two numbers from " + std::to_string(least) + " to " +
                                        std::to_string(most) + ", the smaller one first");
  }
  return {ends[0], ends[1]};
}

Perturbations perturbations_argument(const Napi::Value& value) {
  Perturbations perturbations;
  if (value.IsUndefined()) return perturbations;
  const Napi::Object object = object_argument(value, "optimizer.perturbations");
  perturbations.zoom = range_argument(object, "zoom", 0.1, 10);
  perturbations.shift = number_argument(object.Get("shift"), "optimizer.perturbations.shift", 0, 1024);
  perturbations.gain = range_argument(object, "gain", 0.01, 100);
  perturbations.offset = range_argument(object, "offset", -255, 255);
  perturbations.gamma = range_argument(object, "gamma", 0.1, 10);
  perturbations.blur = range_argument(object, "blur", 0, 8);
  perturbations.light_gradient = range_argument(object, "lightGradient", 0, 1);
  perturbations.white_noise = range_argument(object, "whiteNoise", 0, 255);
  perturbations.correlated_noise = range_argument(object, "correlatedNoise", 0, 255);
  perturbations.noise_length = range_argument(object, "noiseLength", 0, 8);
  perturbations.mixup = number_argument(object.Get("mixup"), "optimizer.perturbations.mixup", 0, 100);
  return perturbations;
}

}  // namespace

Optimizer optimizer_argument(const Napi::Value& value) {
  const Napi::Object object = object_argument(value, "optimizer");
  Optimizer optimizer;
  optimizer.momentum = static_cast<float>(number_argument(object.Get("momentum"), "optimizer.momentum", 0, 1));
  optimizer.weight_decay =
      static_cast<float>(number_argument(object.Get("weightDecay"), "optimizer.weightDecay", 0, 1));
  optimizer.caffe_momentum = boolean_argument(object.Get("caffeMomentum"), "optimizer.caffeMomentum");
  optimizer.augment = boolean_argument(object.Get("augment"), "optimizer.augment");
  optimizer.perturbations = perturbations_argument(object.Get("perturbations"));
  return optimizer;
}

Stage stage_argument(const Napi::Value& value) {
  const std::string name = string_argument(value, "stage");
  if (name == "linear") return Stage::linear;
  if (name == "normalized") return Stage::normalized;
  if (name == "activated") return Stage::activated;
  if (name == "pooled") return Stage::pooled;
  throw Error("invalid-argument", "stage is " + name + "; expected linear, normalized, activated or pooled");
}

void ImageSource::read(std::size_t first, std::size_t number, std::size_t image_bytes, std::uint8_t* target) const {
  if (store) store->read(indices.data() + first, number, target);
  else std::memcpy(target, pixels.data() + first * image_bytes, number * image_bytes);
}

std::shared_ptr<const ImageStore> store_argument(const Napi::Value& value, const Topology& topology) {
  auto store = ImageStoreObject::unwrapped(value, "images");
  if (store->size() != topology.image_size || store->channels() != topology.channels) {
    throw Error("model-mismatch", "the images have " + shape_text(store->size(), store->channels()) +
                                      "; the network expects " +
                                      shape_text(topology.image_size, topology.channels));
  }
  return store;
}

void require_rows(const std::vector<std::uint32_t>& indices, const ImageStore& store) {
  for (const std::uint32_t index : indices) {
    if (index >= store.count()) {
      throw Error("invalid-argument", "indices hold " + std::to_string(index) + "; expected less than " +
                                          std::to_string(store.count()) + ", the number of images");
    }
  }
}

ImageSource images_argument(const Napi::Value& value, const Topology& topology) {
  const Napi::Object object = object_argument(value, "images");
  ImageSource source;
  const Napi::Value store = object.Get("store");
  if (!store.IsUndefined()) {
    source.store = store_argument(store, topology);
    source.indices = uint32_array(object.Get("indices"), "indices");
    require_rows(source.indices, *source.store);
    source.count = source.indices.size();
  } else {
    source.pixels = uint8_array(object.Get("pixels"), "pixels");
    const std::size_t bytes = bytes_per_image(topology);
    if (source.pixels.size() % bytes != 0) {
      throw Error("invalid-argument", "pixels has " + std::to_string(source.pixels.size()) +
                                          " bytes; expected a multiple of " + std::to_string(bytes) +
                                          ": images of " + shape_text(topology.image_size, topology.channels));
    }
    source.count = source.pixels.size() / bytes;
  }
  return source;
}

}  // namespace deepyeast
