#include "image_store_object.h"

#include <cstring>

#include "../system/error.h"
#include "arguments.h"
#include "background_task.h"
#include "errors.h"

namespace deepyeast {
namespace {

constexpr napi_type_tag kTypeTag = {0x8d1f0c5b6a7e4f21ULL, 0xb2c3d4e5f6071829ULL};
constexpr std::uint64_t kMaximumCount = 0xffffffffULL;  // rows are numbered by 32 bits
constexpr std::uint64_t kMaximumOffset = 1ULL << 40;

}  // namespace

Napi::Function ImageStoreObject::define(Napi::Env env) {
  return DefineClass(env, "ImageStore",
                     {InstanceAccessor<&ImageStoreObject::count>("count"),
                      InstanceMethod<&ImageStoreObject::read>("read"), InstanceMethod<&ImageStoreObject::mean>("mean"),
                      InstanceMethod<&ImageStoreObject::close>("close")});
}

ImageStoreObject::ImageStoreObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ImageStoreObject>(info) {
  throwing(info.Env(), [&] {
    const Napi::Object options = object_argument(argument(info, 0), "options");
    const std::string path = string_argument(options.Get("path"), "path");
    const auto offset = integer_argument(options.Get("offset"), "offset", 0, kMaximumOffset);
    const auto count = integer_argument(options.Get("count"), "count", 0, kMaximumCount);
    const auto size = static_cast<int>(integer_argument(options.Get("size"), "size", 1, 1024));
    const auto channels = static_cast<int>(integer_argument(options.Get("channels"), "channels", 1, 8));
    store_ = std::make_shared<const ImageStore>(path, offset, count, size, channels);
    count_ = static_cast<double>(count);
    info.This().As<Napi::Object>().TypeTag(&kTypeTag);
  });
}

std::shared_ptr<const ImageStore> ImageStoreObject::unwrapped(const Napi::Value& value, const std::string& name) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTypeTag)) {
    throw Error("invalid-argument", name + " is " + described(value) + "; expected an ImageStore");
  }
  return Unwrap(value.As<Napi::Object>())->open_store();
}

std::shared_ptr<const ImageStore> ImageStoreObject::open_store() const {
  if (!store_) throw Error("closed", "this image store was closed");
  return store_;
}

Napi::Value ImageStoreObject::count(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), count_); }

Napi::Value ImageStoreObject::read(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&] {
    auto store = open_store();
    auto indices = uint32_array(argument(info, 0), "indices");
    return BackgroundTask::start(info.Env(), [store, indices = std::move(indices)]() -> BackgroundTask::Settle {
      auto images = std::make_shared<std::vector<std::uint8_t>>(indices.size() * store->image_bytes());
      store->read(indices.data(), indices.size(), images->data());
      return [images](Napi::Env env) -> Napi::Value {
        auto array = Napi::Uint8Array::New(env, images->size());
        if (!images->empty()) std::memcpy(array.Data(), images->data(), images->size());
        return array;
      };
    });
  });
}

Napi::Value ImageStoreObject::mean(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&] {
    auto store = open_store();
    const Napi::Value value = argument(info, 0);
    const bool all = value.IsUndefined();
    auto indices = all ? std::vector<std::uint32_t>() : uint32_array(value, "indices");
    return BackgroundTask::start(info.Env(), [store, all, indices = std::move(indices)]() -> BackgroundTask::Settle {
      static const std::uint32_t kNone = 0;
      const std::uint32_t* chosen = all ? nullptr : indices.empty() ? &kNone : indices.data();
      auto mean = std::make_shared<std::vector<double>>(store->mean(chosen, indices.size()));
      return [mean](Napi::Env env) -> Napi::Value {
        auto array = Napi::Float64Array::New(env, mean->size());
        std::memcpy(array.Data(), mean->data(), mean->size() * sizeof(double));
        return array;
      };
    });
  });
}

Napi::Value ImageStoreObject::close(const Napi::CallbackInfo& info) {
  store_.reset();
  return info.Env().Undefined();
}

}  // namespace deepyeast
