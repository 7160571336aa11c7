#include "classic_features_function.h"

#include <cstring>
#include <memory>

#include "../features/classic_features.h"
#include "../system/available_threads.h"
#include "../system/error.h"
#include "arguments.h"
#include "background_task.h"
#include "errors.h"

namespace deepyeast {
namespace {

constexpr std::size_t kMaximumCount = 65536;  // cells in one call

}  // namespace

Napi::Value classic_features_of(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    auto pixels = std::make_shared<std::vector<std::uint8_t>>(uint8_array(argument(info, 0), "pixels"));
    const int size = static_cast<int>(integer_argument(argument(info, 1), "size", kSmallestCrop, kLargestCrop));
    const int asked = static_cast<int>(integer_argument(argument(info, 2), "threads", 0, 1024));
    const int threads = asked == 0 ? available_threads() : asked;
    const std::size_t bytes = static_cast<std::size_t>(size) * size * kClassicChannels;
    const std::size_t count = pixels->size() / bytes;
    if (pixels->size() % bytes != 0 || count > kMaximumCount) {
      throw Error("invalid-argument", "pixels has " + std::to_string(pixels->size()) + " bytes; expected at most " +
                                          std::to_string(kMaximumCount) + " crops of " + std::to_string(bytes));
    }
    return BackgroundTask::start(info.Env(), [pixels, size, threads, count]() -> BackgroundTask::Settle {
      auto rows = std::make_shared<std::vector<float>>(count * classic_feature_names().size());
      classic_features(pixels->data(), count, size, threads, rows->data());
      return [rows](Napi::Env env) -> Napi::Value {
        auto array = Napi::Float32Array::New(env, rows->size());
        if (!rows->empty()) std::memcpy(array.Data(), rows->data(), rows->size() * sizeof(float));
        return array;
      };
    });
  });
}

Napi::Value names_of_classic_features(const Napi::CallbackInfo& info) {
  return throwing(info.Env(), [&]() -> Napi::Value {
    const auto& names = classic_feature_names();
    Napi::Array array = Napi::Array::New(info.Env(), names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
      Napi::Object object = Napi::Object::New(info.Env());
      object.Set("name", names[i].name);
      object.Set("family", names[i].family);
      array.Set(static_cast<std::uint32_t>(i), object);
    }
    return array;
  });
}

}  // namespace deepyeast
