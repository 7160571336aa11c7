#include "segmentation_function.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>

#include "../system/available_threads.h"
#include "../system/error.h"
#include "../segmentation/measure.h"
#include "../segmentation/segmentation.h"
#include "arguments.h"
#include "background_task.h"
#include "errors.h"
#include "results.h"

namespace deepyeast {
namespace {

constexpr std::uint32_t kMostLabels = 1 << 24;
constexpr std::size_t kMostChannels = 16;

int threads_argument(const Napi::Value& value) {
  const int asked = static_cast<int>(integer_argument(value, "threads", 0, kMaximumThreads));
  return asked == 0 ? available_threads() : asked;
}

// A copy of an image's bytes; what JavaScript does to the array afterwards cannot matter.
struct Pixels {
  napi_typedarray_type type;
  int width, height;
  std::vector<std::uint8_t> bytes;

  bool integers() const { return type != napi_float32_array; }

  template <typename Value>
  void convert(Image& image) const {
    Value value;
    for (std::size_t p = 0; p < image.size(); ++p) {
      std::memcpy(&value, bytes.data() + p * sizeof(Value), sizeof(Value));
      image[p] = static_cast<float>(value);
    }
  }
  Image image() const {
    Image result(width, height);
    switch (type) {
      case napi_int8_array: convert<std::int8_t>(result); break;
      case napi_int16_array: convert<std::int16_t>(result); break;
      case napi_uint16_array: convert<std::uint16_t>(result); break;
      case napi_int32_array: convert<std::int32_t>(result); break;
      case napi_uint32_array: convert<std::uint32_t>(result); break;
      case napi_float32_array: convert<float>(result); break;
      default: convert<std::uint8_t>(result); break;
    }
    return result;
  }
};

void require_size(std::size_t values, int width, int height, const char* name) {
  const std::size_t expected = static_cast<std::size_t>(width) * height;
  if (expected > kLargestField) {
    throw Error("invalid-argument", "the field has " + std::to_string(width) + " x " + std::to_string(height) +
                                        " pixels; expected at most " + std::to_string(kLargestField));
  }
  if (values != expected) {
    throw Error("invalid-argument", std::string(name) + " has " + std::to_string(values) + " values; expected " +
                                        std::to_string(width) + " x " + std::to_string(height));
  }
}

Pixels pixels_argument(const Napi::Value& value, const char* name, int width, int height) {
  if (!value.IsTypedArray()) {
    throw Error("invalid-argument", std::string(name) + " is " + described(value) + "; expected a typed array of pixels");
  }
  const auto array = value.As<Napi::TypedArray>();
  switch (array.TypedArrayType()) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
    case napi_int16_array:
    case napi_uint16_array:
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array: break;
    default:
      throw Error("invalid-argument", std::string(name) + " is " + described(value) +
                                          "; expected integers of 8, 16 or 32 bits or Float32Array");
  }
  require_size(array.ElementLength(), width, height, name);
  Pixels result{array.TypedArrayType(), width, height, std::vector<std::uint8_t>(array.ByteLength())};
  if (!result.bytes.empty()) {
    std::memcpy(result.bytes.data(), static_cast<const std::uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset(),
                result.bytes.size());
  }
  return result;
}

int side_argument(const Napi::Value& value, const char* name) {
  return static_cast<int>(integer_argument(value, name, 1, kLargestSide));
}

Napi::Value array_of(Napi::Env env, const Labels& labels) {
  auto array = Napi::Uint32Array::New(env, labels.size());
  if (labels.size() > 0) std::memcpy(array.Data(), labels.values.data(), labels.size() * sizeof(std::uint32_t));
  return array;
}

// {result: promise, cancel()}
Napi::Object cancellable(Napi::Env env, const std::shared_ptr<std::atomic<bool>>& cancelled, Napi::Value promise) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("result", promise);
  object.Set("cancel", Napi::Function::New(env, [cancelled](const Napi::CallbackInfo&) { *cancelled = true; }, "cancel"));
  return object;
}

}  // namespace

Napi::Value segment_field(const Napi::CallbackInfo& info) {
  return throwing(info.Env(), [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    const Napi::Object asked = object_argument(argument(info, 1), "options");
    const int width = side_argument(asked.Get("width"), "width"), height = side_argument(asked.Get("height"), "height");
    auto pixels = std::make_shared<Pixels>(pixels_argument(argument(info, 0), "marker", width, height));
    auto cancelled = std::make_shared<std::atomic<bool>>(false);
    SegmentationOptions options;
    options.diameter = number_argument(asked.Get("diameter"), "diameter", 0, kLargestSide);
    options.buds_apart = boolean_argument(asked.Get("budsApart"), "budsApart");
    options.threads = threads_argument(asked.Get("threads"));
    // Rounding to integers alone makes a noise of 1 / sqrt(12).
    options.noise_floor = pixels->integers() ? 0.29 : 0;
    const auto promise = BackgroundTask::start(env, [pixels, options, cancelled]() mutable -> BackgroundTask::Settle {
      options.cancelled = cancelled.get();
      Image image = pixels->image();
      pixels.reset();
      auto found = std::make_shared<Segmentation>(segment(std::move(image), options));
      return_freed_memory();
      return [found](Napi::Env env) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("labels", array_of(env, found->labels));
        result.Set("count", found->count);
        result.Set("diameter", found->diameter);
        Napi::Array buds = Napi::Array::New(env, found->buds.size());
        for (std::size_t i = 0; i < found->buds.size(); ++i) {
          const Bud& bud = found->buds[i];
          Napi::Object row = Napi::Object::New(env);
          row.Set("label", bud.label);
          row.Set("budOf", bud.mother);
          row.Set("x", bud.x);
          row.Set("y", bud.y);
          row.Set("area", static_cast<double>(bud.area));
          buds.Set(static_cast<std::uint32_t>(i), row);
        }
        result.Set("buds", buds);
        return result;
      };
    });
    return cancellable(env, cancelled, promise);
  });
}

Napi::Value measure_cells(const Napi::CallbackInfo& info) {
  return throwing(info.Env(), [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    const Napi::Object asked = object_argument(argument(info, 2), "options");
    const int width = side_argument(asked.Get("width"), "width"), height = side_argument(asked.Get("height"), "height");
    auto labels = std::make_shared<Labels>();
    labels->width = width;
    labels->height = height;
    labels->values = uint32_array(argument(info, 0), "labels");
    require_size(labels->size(), width, height, "labels");
    std::uint32_t count = 0;
    for (const std::uint32_t label : labels->values) count = std::max(count, label);
    if (count > kMostLabels) {
      throw Error("invalid-argument", "the greatest label is " + std::to_string(count) + "; expected at most " +
                                          std::to_string(kMostLabels) + ": number them from 1");
    }
    const Napi::Value planes = argument(info, 1);
    if (!planes.IsArray() || planes.As<Napi::Array>().Length() < 1 || planes.As<Napi::Array>().Length() > kMostChannels) {
      throw Error("invalid-argument", "planes is " + described(planes) + "; expected 1 to 16 images, the marker first");
    }
    auto images = std::make_shared<std::vector<Pixels>>();
    for (std::uint32_t i = 0; i < planes.As<Napi::Array>().Length(); ++i)
      images->push_back(pixels_argument(planes.As<Napi::Array>().Get(i), "an image of planes", width, height));
    const double diameter = number_argument(asked.Get("diameter"), "diameter", 0, kLargestSide);
    const int threads = threads_argument(asked.Get("threads"));
    auto cancelled = std::make_shared<std::atomic<bool>>(false);
    const auto promise = BackgroundTask::start(env, [=]() -> BackgroundTask::Settle {
      std::vector<MeasureChannel> channels;
      for (Pixels& plane : *images) {
        channels.push_back({plane.image(), 0});
        if (plane.integers()) channels.back().saturation = saturation_of(channels.back().image);
        plane.bytes = {};
      }
      const std::size_t channel_count = channels.size();
      auto measured = std::make_shared<Measurements>(
          measure(*labels, count, std::move(channels), diameter, threads, cancelled.get()));
      return_freed_memory();
      return [measured, channel_count](Napi::Env env) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        // One row a label, as src/native/addon.ts lists the columns.
        const std::size_t columns = 12 + 3 * channel_count;
        auto rows = Napi::Float64Array::New(env, measured->cells.size() * columns);
        double* row = rows.Data();
        for (const CellMeasurement& cell : measured->cells) {
          const double values[12] = {cell.x,         cell.y,
                                     static_cast<double>(cell.area),
                                     cell.major_axis, cell.minor_axis, cell.solidity, cell.level, cell.sharpness,
                                     cell.texture,   cell.contact, static_cast<double>(cell.bud_of),
                                     static_cast<double>(cell.flags)};
          std::memcpy(row, values, sizeof(values));
          for (std::size_t c = 0; c < channel_count; ++c) {
            const ChannelIntensity& intensity = cell.intensities[c];
            const double channel[3] = {intensity.mean, intensity.integrated, intensity.background};
            std::memcpy(row + 12 + 3 * c, channel, sizeof(channel));
          }
          row += columns;
        }
        result.Set("rows", rows);
        result.Set("columns", static_cast<double>(columns));
        const FieldMeasurement& field = measured->field;
        result.Set("focus", field.focus);
        result.Set("background", field.background);
        result.Set("covered", field.covered);
        result.Set("saturated", field.saturated);
        return result;
      };
    });
    return cancellable(env, cancelled, promise);
  });
}

}  // namespace deepyeast
