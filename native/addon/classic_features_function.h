// classicFeatures and classicFeatureNames: src/native/addon.ts.
#pragma once

#include <napi.h>

namespace deepyeast {

Napi::Value classic_features_of(const Napi::CallbackInfo& info);
Napi::Value names_of_classic_features(const Napi::CallbackInfo& info);

}  // namespace deepyeast
