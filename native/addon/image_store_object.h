// JavaScript's ImageStore: src/native/addon.ts, NativeImageStore.
#pragma once

#include <napi.h>

#include <memory>

#include "../engine/image_store.h"

namespace deepyeast {

class ImageStoreObject : public Napi::ObjectWrap<ImageStoreObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit ImageStoreObject(const Napi::CallbackInfo& info);

  // The store behind a JavaScript value. Throws Error("invalid-argument") if it is something else and
  // Error("closed") if it was closed.
  static std::shared_ptr<const ImageStore> unwrapped(const Napi::Value& value, const std::string& name);

 private:
  Napi::Value count(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value mean(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  std::shared_ptr<const ImageStore> open_store() const;

  std::shared_ptr<const ImageStore> store_;
  double count_ = 0;
};

}  // namespace deepyeast
