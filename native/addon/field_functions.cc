#include "field_functions.h"

#include <cmath>
#include <cstring>
#include <memory>

#include "../system/error.h"
#include "../fields/background_level.h"
#include "../fields/crops.h"
#include "arguments.h"
#include "background_task.h"
#include "errors.h"
#include "results.h"

namespace deepyeast {
namespace {

constexpr std::size_t kMaximumChannels = 8;
constexpr std::size_t kMaximumSide = 65536;
// Bytes of the crops of one field: 16,384 crops of 256 x 256 x 2.
constexpr std::size_t kMaximumCropBytes = std::size_t{1} << 31;

template <typename Sample>
PlaneSamples copied_samples(const Napi::TypedArray& array) {
  std::vector<Sample> samples(array.ElementLength());
  const auto* bytes = static_cast<const std::uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset();
  if (!samples.empty()) std::memcpy(samples.data(), bytes, samples.size() * sizeof(Sample));
  return samples;
}

// A copy, so that nothing that JavaScript does to the array can matter to the running call.
PlaneSamples samples_argument(const Napi::Value& value, const std::string& name) {
  if (value.IsTypedArray()) {
    const auto array = value.As<Napi::TypedArray>();
    switch (array.TypedArrayType()) {
      case napi_uint8_array:
      case napi_uint8_clamped_array:
        return copied_samples<std::uint8_t>(array);
      case napi_int8_array:
        return copied_samples<std::int8_t>(array);
      case napi_uint16_array:
        return copied_samples<std::uint16_t>(array);
      case napi_int16_array:
        return copied_samples<std::int16_t>(array);
      case napi_uint32_array:
        return copied_samples<std::uint32_t>(array);
      case napi_int32_array:
        return copied_samples<std::int32_t>(array);
      case napi_float32_array:
        return copied_samples<float>(array);
      default:
        break;
    }
  }
  throw Error("invalid-argument",
              name + " is " + described(value) + "; expected a typed array of 8 to 32-bit integers or float32");
}

std::size_t count_of(const PlaneSamples& samples) {
  return std::visit([](const auto& values) { return values.size(); }, samples);
}

void require_finite(const PlaneSamples& samples, const std::string& name) {
  const auto* values = std::get_if<std::vector<float>>(&samples);
  if (values == nullptr) return;
  for (const float value : *values) {
    if (!std::isfinite(value)) throw Error("image-invalid", name + " holds a sample that is no number");
  }
}

CropRule rule_argument(const Napi::Object& rule, std::size_t channels) {
  CropRule result;
  const std::string kind = string_argument(rule.Get("kind"), "rule.kind");
  if (kind == "stored") {
    result.kind = CropRule::Kind::kAsStored;
  } else if (kind == "ranges") {
    result.kind = CropRule::Kind::kRanges;
    result.ranges = float64_array(rule.Get("ranges"), "rule.ranges");
    if (result.ranges.size() != 2 * channels) {
      throw Error("invalid-argument", "rule.ranges has " + std::to_string(result.ranges.size()) +
                                          " numbers; expected 2 for each of " + std::to_string(channels) + " channels");
    }
  } else if (kind == "percentiles") {
    result.low = number_argument(rule.Get("low"), "rule.low", 0, 100);
    result.high = number_argument(rule.Get("high"), "rule.high", 0, 100);
    result.noise_floor = number_argument(rule.Get("noiseFloor"), "rule.noiseFloor", 0, 1e300);
    result.floor = number_argument(rule.Get("floor"), "rule.floor", 0, 1e300);
  } else {
    throw Error("invalid-argument", "rule.kind is \"" + kind + "\"; expected stored, ranges or percentiles");
  }
  return result;
}

struct CropRequest {
  std::vector<FieldPlane> planes;
  CropGeometry geometry;
  std::vector<double> centres;
  CropRule rule;
  std::size_t cells() const { return centres.size() / 2; }
};

std::shared_ptr<CropRequest> crop_request(const Napi::Object& options) {
  auto request = std::make_shared<CropRequest>();
  CropGeometry& geometry = request->geometry;
  geometry.width = static_cast<int>(integer_argument(options.Get("width"), "width", 1, kMaximumSide));
  geometry.height = static_cast<int>(integer_argument(options.Get("height"), "height", 1, kMaximumSide));
  geometry.size =
      static_cast<int>(integer_argument(options.Get("size"), "size", kSmallestFieldCrop, kLargestFieldCrop));
  geometry.scale = number_argument(options.Get("scale"), "scale", kSmallestScale, kLargestScale);
  const Napi::Value planes = options.Get("planes");
  if (!planes.IsArray()) throw Error("invalid-argument", "planes is " + described(planes) + "; expected an array");
  const auto array = planes.As<Napi::Array>();
  const std::size_t channels = array.Length();
  if (channels < 1 || channels > kMaximumChannels) {
    throw Error("invalid-argument", "planes has " + std::to_string(channels) + " entries; expected 1 to 8");
  }
  const auto backgrounds = float64_array(options.Get("backgrounds"), "backgrounds");
  if (backgrounds.size() != channels) {
    throw Error("invalid-argument", "backgrounds has " + std::to_string(backgrounds.size()) + " numbers; expected " +
                                        std::to_string(channels));
  }
  const std::size_t pixels = static_cast<std::size_t>(geometry.width) * geometry.height;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    const std::string name = "planes[" + std::to_string(channel) + "]";
    FieldPlane plane;
    plane.samples = samples_argument(array.Get(static_cast<std::uint32_t>(channel)), name);
    plane.background = backgrounds[channel];
    if (count_of(plane.samples) != pixels) {
      throw Error("invalid-argument", name + " has " + std::to_string(count_of(plane.samples)) +
                                          " samples; expected " + std::to_string(pixels));
    }
    if (!std::isfinite(plane.background)) throw Error("invalid-argument", "backgrounds holds what is no number");
    require_finite(plane.samples, name);
    request->planes.push_back(std::move(plane));
  }
  request->centres = float64_array(options.Get("centres"), "centres");
  const std::size_t crop = static_cast<std::size_t>(geometry.size) * geometry.size * channels * sizeof(float);
  if (request->centres.size() % 2 != 0 || request->cells() > kMaximumCropBytes / crop) {
    throw Error("invalid-argument", "centres has " + std::to_string(request->centres.size()) +
                                        " numbers; expected 2 for each of at most " +
                                        std::to_string(kMaximumCropBytes / crop) + " cells");
  }
  for (std::size_t cell = 0; cell < request->cells(); ++cell) {
    const double x = request->centres[2 * cell], y = request->centres[2 * cell + 1];
    if (!(x >= -0.5 && x < geometry.width - 0.5 && y >= -0.5 && y < geometry.height - 0.5)) {
      throw Error("invalid-argument", "centre " + std::to_string(cell) + " lies at " + std::to_string(x) + ", " +
                                          std::to_string(y) + "; expected a place in the field of " +
                                          std::to_string(geometry.width) + " x " + std::to_string(geometry.height));
    }
  }
  return request;
}

}  // namespace

Napi::Value cut_crops_of(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    const Napi::Object options = object_argument(argument(info, 0), "options");
    const auto request = crop_request(options);
    const std::size_t channels = request->planes.size();
    const std::size_t samples =
        request->cells() * channels * static_cast<std::size_t>(request->geometry.size) * request->geometry.size;
    if (options.Get("rule").IsUndefined()) {
      return BackgroundTask::start(info.Env(), [request, samples]() -> BackgroundTask::Settle {
        auto raw = std::make_shared<std::vector<float>>(samples);
        cut_raw_crops(request->planes, request->geometry, request->centres.data(), request->cells(), raw->data());
        return [raw](Napi::Env env) -> Napi::Value {
          Napi::Object result = Napi::Object::New(env);
          auto array = Napi::Float32Array::New(env, raw->size());
          if (!raw->empty()) std::memcpy(array.Data(), raw->data(), raw->size() * sizeof(float));
          result.Set("samples", array);
          return result;
        };
      });
    }
    request->rule = rule_argument(object_argument(options.Get("rule"), "rule"), channels);
    // Written by the task into JavaScript's memory: a thousand crops are not copied once more on the event loop.
    auto pixels = Napi::Uint8Array::New(info.Env(), samples);
    auto ranges = Napi::Float64Array::New(info.Env(), request->cells() * channels * 2);
    auto kept = std::make_shared<Napi::Reference<Napi::Object>>();
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("pixels", pixels);
    result.Set("ranges", ranges);
    *kept = Napi::Persistent(result);
    std::uint8_t* const pixel_data = pixels.Data();
    double* const range_data = ranges.Data();
    return BackgroundTask::start(info.Env(), [request, pixel_data, range_data, kept]() -> BackgroundTask::Settle {
      cut_crops(request->planes, request->geometry, request->centres.data(), request->cells(), request->rule,
                pixel_data, range_data);
      // The last task of a field, whose planes and working images lie in the arenas of libuv's threads.
      return_freed_memory();
      return [kept](Napi::Env) -> Napi::Value { return kept->Value(); };
    });
  });
}

Napi::Value background_level_of(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    auto samples = std::make_shared<PlaneSamples>(samples_argument(argument(info, 0), "plane"));
    auto labels = std::make_shared<std::vector<std::uint32_t>>(uint32_array(argument(info, 1), "labels"));
    if (labels->empty() || labels->size() != count_of(*samples)) {
      throw Error("invalid-argument", "labels has " + std::to_string(labels->size()) + " values; expected " +
                                          std::to_string(count_of(*samples)) + " as the plane has, at least one");
    }
    return BackgroundTask::start(info.Env(), [samples, labels]() -> BackgroundTask::Settle {
      const double level = background_level(*samples, *labels);
      return [level](Napi::Env env) -> Napi::Value { return Napi::Number::New(env, level); };
    });
  });
}

}  // namespace deepyeast
