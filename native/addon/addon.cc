// The addon's exports: src/native/addon.ts gives their types.
#include <napi.h>

#include <algorithm>

#include "../cpu/instruction_set.h"
#include "../system/random.h"
#include "../system/available_threads.h"
#include "../system/error.h"
#include "arguments.h"
#include "classic_features_function.h"
#include "cuda_report.h"
#include "errors.h"
#include "field_functions.h"
#include "file_lock_object.h"
#include "forest_object.h"
#include "image_store_object.h"
#include "instance_data.h"
#include "network_object.h"
#include "segmentation_function.h"

namespace deepyeast {
namespace {

Napi::Value philox(const Napi::CallbackInfo& info) {
  return throwing(info.Env(), [&]() -> Napi::Value {
    const auto counter = uint32_array(argument(info, 0), "counter");
    const auto key = uint32_array(argument(info, 1), "key");
    if (counter.size() != 4 || key.size() != 2) {
      throw Error("invalid-argument", "counter and key have " + std::to_string(counter.size()) + " and " +
                                          std::to_string(key.size()) + " words; expected 4 and 2");
    }
    const auto words = philox4x32({counter[0], counter[1], counter[2], counter[3]}, {key[0], key[1]});
    auto array = Napi::Uint32Array::New(info.Env(), words.size());
    std::copy(words.begin(), words.end(), array.Data());
    return array;
  });
}

Napi::Value machine(const Napi::CallbackInfo& info) {
  return throwing(info.Env(), [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    const auto available = available_instruction_sets();
    Napi::Array names = Napi::Array::New(env, available.size());
    for (std::size_t i = 0; i < available.size(); ++i) {
      names.Set(static_cast<std::uint32_t>(i), Napi::String::New(env, name_of(available[i])));
    }
    Napi::Object result = Napi::Object::New(env);
    result.Set("instructionSets", names);
    result.Set("threads", available_threads());
    return result;
  });
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new InstanceData());
  exports.Set("version", DEEPYEAST_VERSION);
  exports.Set("Network", NetworkObject::define(env));
  exports.Set("Forest", ForestObject::define(env));
  exports.Set("ImageStore", ImageStoreObject::define(env));
  exports.Set("lockFile", Napi::Function::New(env, lock_file, "lockFile"));
  exports.Set("classicFeatures", Napi::Function::New(env, classic_features_of, "classicFeatures"));
  exports.Set("classicFeatureNames", Napi::Function::New(env, names_of_classic_features, "classicFeatureNames"));
  exports.Set("cutCrops", Napi::Function::New(env, cut_crops_of, "cutCrops"));
  exports.Set("backgroundLevel", Napi::Function::New(env, background_level_of, "backgroundLevel"));
  exports.Set("segmentField", Napi::Function::New(env, segment_field, "segmentField"));
  exports.Set("measureCells", Napi::Function::New(env, measure_cells, "measureCells"));
  exports.Set("setErrorClass", Napi::Function::New(env, set_error_class, "setErrorClass"));
  exports.Set("philox", Napi::Function::New(env, philox, "philox"));
  exports.Set("inspectCuda", Napi::Function::New(env, inspect_cuda_library, "inspectCuda"));
  exports.Set("machine", Napi::Function::New(env, machine, "machine"));
  return exports;
}

}  // namespace
}  // namespace deepyeast

// The macro wants a function of the global namespace.
Napi::Object initialize_deepyeast(Napi::Env env, Napi::Object exports) { return deepyeast::initialize(env, exports); }
NODE_API_MODULE(deepyeast, initialize_deepyeast)
