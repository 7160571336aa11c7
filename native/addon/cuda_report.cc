#include "cuda_report.h"

#include "../cuda/client/loader.h"
#include "arguments.h"
#include "background_task.h"

namespace deepyeast {
namespace {

template <typename Values, typename Make>
Napi::Array array_of(Napi::Env env, const Values& values, const Make& make) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (std::size_t i = 0; i < values.size(); ++i) array.Set(static_cast<std::uint32_t>(i), make(values[i]));
  return array;
}

Napi::Value report_object(Napi::Env env, const CudaReport& report) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("library", report.library);
  result.Set("loaded", report.loaded);
  result.Set("folders", array_of(env, report.folders, [&](const std::string& folder) {
               return Napi::String::New(env, folder);
             }));
  result.Set("dependencies", array_of(env, report.dependencies, [&](const CudaReport::Dependency& dependency) {
               Napi::Object object = Napi::Object::New(env);
               object.Set("name", dependency.name);
               object.Set("path", dependency.path.empty() ? env.Null() : Napi::String::New(env, dependency.path));
               return object;
             }));
  Napi::Object versions = Napi::Object::New(env);
  versions.Set("driver", report.versions.driver);
  versions.Set("runtime", report.versions.runtime);
  versions.Set("cudnn", report.versions.cudnn);
  versions.Set("cublas", report.versions.cublas);
  result.Set("versions", versions);
  result.Set("devices", array_of(env, report.devices, [&](const CudaDevice& device) {
               Napi::Object object = Napi::Object::New(env);
               object.Set("name", std::string(device.name));
               object.Set("major", device.major);
               object.Set("minor", device.minor);
               object.Set("memory", static_cast<double>(device.memory));
               object.Set("freeMemory", static_cast<double>(device.free_memory));
               object.Set("supported", Napi::Boolean::New(env, device.supported != 0));
               return object;
             }));
  result.Set("problems", array_of(env, report.problems, [&](const CudaReport::Problem& problem) {
               Napi::Object object = Napi::Object::New(env);
               object.Set("code", problem.code);
               object.Set("message", problem.message);
               return object;
             }));
  return result;
}

}  // namespace

Napi::Value inspect_cuda_library(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    const std::string library = string_argument(argument(info, 0), "library");
    const bool free_memory = boolean_argument(argument(info, 1), "freeMemory");
    return BackgroundTask::start(info.Env(), [library, free_memory]() -> BackgroundTask::Settle {
      const CudaReport report = inspect_cuda(library, this_machine(), free_memory);
      return [report](Napi::Env env) { return report_object(env, report); };
    });
  });
}

}  // namespace deepyeast
