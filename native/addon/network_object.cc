#include "network_object.h"

#include <limits>

#include "../cpu/cpu_backend.h"
#include "../cuda/client/cuda_backend.h"
#include "../cuda/client/loader.h"
#include "../engine/tensor_file.h"
#include "../system/atomic_file.h"
#include "../system/error.h"
#include "arguments.h"
#include "errors.h"
#include "options.h"
#include "results.h"
#include "training_batches.h"

namespace deepyeast {
namespace {

constexpr std::size_t kMaximumResult = std::size_t{1} << 29;  // floats in one result: 2 GiB

Napi::Array shape_result(Napi::Env env, const std::vector<std::size_t>& shape) {
  Napi::Array array = Napi::Array::New(env, shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) {
    array.Set(static_cast<std::uint32_t>(i), Napi::Number::New(env, static_cast<double>(shape[i])));
  }
  return array;
}

}  // namespace

Network& NetworkObject::Core::ready() const {
  if (failure) std::rethrow_exception(failure);
  if (!network) throw Error("closed", "this network was closed");
  return *network;
}

void NetworkObject::Core::release() {
  if (!network) return;
  network.reset();
  return_freed_memory();
}

Napi::Function NetworkObject::define(Napi::Env env) {
  return DefineClass(env, "Network",
                     {InstanceMethod<&NetworkObject::ready>("ready"),
                      InstanceAccessor<&NetworkObject::tensors>("tensors"),
                      InstanceMethod<&NetworkObject::tensor>("tensor"),
                      InstanceMethod<&NetworkObject::set_tensor>("setTensor"),
                      InstanceMethod<&NetworkObject::read_tensors>("readTensors"),
                      InstanceMethod<&NetworkObject::set_input_transform>("setInputTransform"),
                      InstanceMethod<&NetworkObject::train_steps>("trainSteps"),
                      InstanceMethod<&NetworkObject::recompute_statistics>("recomputeStatistics"),
                      InstanceMethod<&NetworkObject::swap_average>("swapAverage"),
                      InstanceMethod<&NetworkObject::gradients>("gradients"),
                      InstanceMethod<&NetworkObject::forward>("forward"),
                      InstanceMethod<&NetworkObject::activations>("activations"),
                      InstanceMethod<&NetworkObject::activation_shape_of>("activationShape"),
                      InstanceMethod<&NetworkObject::write_tensors>("writeTensors"),
                      InstanceMethod<&NetworkObject::plans>("plans"),
                      InstanceMethod<&NetworkObject::use_plans>("usePlans"),
                      InstanceMethod<&NetworkObject::notes>("notes"),
                      InstanceMethod<&NetworkObject::cancel>("cancel"), InstanceMethod<&NetworkObject::close>("close")});
}

NetworkObject::NetworkObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NetworkObject>(info) {
  throwing(info.Env(), [&] {
    const Napi::Object options = object_argument(argument(info, 0), "options");
    topology_ = topology_argument(options.Get("topology"));
    layers_ = layers_of(topology_);
    layout_ = parameters_of(layers_);
    const std::uint64_t seed = integer_argument(options.Get("seed"), "seed", 0, kMaximumSafeInteger);
    const int threads = static_cast<int>(integer_argument(options.Get("threads"), "threads", 0, kMaximumThreads));
    const std::string device = string_argument(options.Get("device"), "device");
    if (device != "cpu" && device != "cuda") {
      throw Error("device-unavailable", "device is " + device + "; expected cpu or cuda");
    }
    CudaBackendOptions cuda;
    std::string library;
    if (device == "cuda") {
      library = string_argument(options.Get("cudaLibrary"), "cudaLibrary");
      cuda.device = static_cast<int>(integer_argument(options.Get("cudaDevice"), "cudaDevice", 0, 1024));
      cuda.precision = cuda_precision(string_argument(options.Get("precision"), "precision"));
      cuda.cache_folder = string_argument(options.Get("cacheFolder"), "cacheFolder");
    }
    const Napi::Value draw = options.Get("drawWeights");
    const bool draw_weights = draw.IsUndefined() || boolean_argument(draw, "drawWeights");
    queue_ = std::make_unique<WorkQueue>(info.Env());
    queue_->on_shutdown([core = core_] { core->cancelled = ~std::uint64_t{0}; });
    // The network is made on the worker thread, since drawing the weights takes a while. If that fails, each later call,
    // ready() first, rejects with the failure.
    enqueue(info, [core = core_, topology = topology_, seed, threads, draw_weights, cuda,
                   library]() -> WorkQueue::Settle {
      try {
        std::unique_ptr<Backend> backend;
        if (library.empty()) backend = make_cpu_backend(threads);
        else backend = make_cuda_backend(*open_cuda(library, this_machine()), cuda);
        core->network = std::make_unique<Network>(topology, seed, std::move(backend), draw_weights);
      } catch (...) {
        core->failure = std::current_exception();
      }
      return nothing();
    });
  });
}

void NetworkObject::require_open() const {
  if (closed_) throw Error("closed", "this network was closed");
}

Napi::Value NetworkObject::enqueue(const Napi::CallbackInfo& info, WorkQueue::Work work) {
  return queue_->enqueue(info.Env(), info.This().As<Napi::Object>(), std::move(work));
}

std::size_t NetworkObject::image_bytes() const {
  return static_cast<std::size_t>(topology_.image_size) * topology_.image_size * topology_.channels;
}

Napi::Value NetworkObject::ready(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    return enqueue(info, [core = core_]() -> WorkQueue::Settle {
      const std::string description = core->ready().backend().description();
      const int threads = core->ready().backend().threads();
      const int batch = core->ready().inference_batch();
      return [description, threads, batch](Napi::Env env) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("description", description);
        result.Set("threads", threads);
        result.Set("inferenceBatch", batch);
        return result;
      };
    });
  });
}

Napi::Value NetworkObject::tensors(const Napi::CallbackInfo& info) {
  return throwing(info.Env(), [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    Napi::Array array = Napi::Array::New(env, layout_.specifications.size());
    for (std::size_t i = 0; i < layout_.specifications.size(); ++i) {
      const ParameterSpecification& specification = layout_.specifications[i];
      Napi::Object object = Napi::Object::New(env);
      object.Set("name", specification.name);
      object.Set("shape", shape_result(env, specification.shape));
      object.Set("trainable", Napi::Boolean::New(env, specification.trainable()));
      array.Set(static_cast<std::uint32_t>(i), object);
    }
    return array;
  });
}

Napi::Value NetworkObject::tensor(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    const std::string name = string_argument(argument(info, 0), "name");
    return enqueue(info, [core = core_, name]() -> WorkQueue::Settle {
      auto values = std::make_shared<std::vector<float>>(core->ready().tensor(name));
      return [values](Napi::Env env) { return copied<Napi::Float32Array>(env, *values); };
    });
  });
}

Napi::Value NetworkObject::set_tensor(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    const std::string name = string_argument(argument(info, 0), "name");
    auto values = float32_array(argument(info, 1), "values");
    return enqueue(info, [core = core_, name, values = std::move(values)]() -> WorkQueue::Settle {
      core->ready().set_tensor(name, values.data(), values.size());
      return nothing();
    });
  });
}

Napi::Value NetworkObject::read_tensors(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    const FileHandle file = handle_of_descriptor(static_cast<int>(
        integer_argument(argument(info, 0), "file", 0, static_cast<std::uint64_t>(std::numeric_limits<int>::max()))));
    const std::string path = string_argument(argument(info, 1), "path");
    const std::vector<std::string> names = string_array(argument(info, 2), "names", 1 << 16);
    const std::vector<double> positions = float64_array(argument(info, 3), "positions");
    if (positions.size() != names.size()) {
      throw Error("invalid-argument", "positions has " + std::to_string(positions.size()) + " elements; expected " +
                                          std::to_string(names.size()) + ", one a name");
    }
    std::vector<TensorPlace> places;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!(positions[i] >= 0 && positions[i] <= static_cast<double>(kMaximumSafeInteger))) {
        throw Error("invalid-argument", "positions[" + std::to_string(i) + "] is " + std::to_string(positions[i]) +
                                            "; expected a place in a file");
      }
      places.push_back({names[i], static_cast<std::uint64_t>(positions[i])});
    }
    return enqueue(info, [core = core_, file, path, places = std::move(places)]() -> WorkQueue::Settle {
      Network& network = core->ready();
      for (const TensorPlace& place : places) {
        network.fill_tensor(place.name, [&](std::size_t first, std::size_t count, float* target) {
          read_values(file, path, place, first, count, target);
        });
      }
      return nothing();
    });
  });
}

Napi::Value NetworkObject::set_input_transform(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    auto mean = float32_array(argument(info, 0), "mean");
    const auto scale = static_cast<float>(number_argument(argument(info, 1), "scale", 1e-30, 1e30));
    if (mean.size() != image_bytes()) {
      throw Error("invalid-argument", "mean has " + std::to_string(mean.size()) + " values; expected " +
                                          std::to_string(image_bytes()) + ", one a pixel and channel");
    }
    return enqueue(info, [core = core_, mean = std::move(mean), scale]() -> WorkQueue::Settle {
      core->ready().set_input_transform(mean.data(), scale);
      return nothing();
    });
  });
}

Napi::Value NetworkObject::train_steps(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    auto batches = std::make_shared<TrainingBatches>(training_batches_argument(argument(info, 0), topology_));
    const std::uint64_t ticket = ++tickets_;
    return enqueue(info, [core = core_, batches, ticket]() -> WorkQueue::Settle {
      const std::vector<StepResult> results =
          core->ready().train(batches->view(), [&] { return core->cancelled >= ticket; });
      return [results](Napi::Env env) -> Napi::Value {
        auto losses = Napi::Float64Array::New(env, results.size());
        auto correct = Napi::Int32Array::New(env, results.size());
        for (std::size_t i = 0; i < results.size(); ++i) {
          losses[i] = results[i].loss;
          correct[i] = results[i].correct;
        }
        Napi::Object result = Napi::Object::New(env);
        result.Set("completed", static_cast<double>(results.size()));
        result.Set("losses", losses);
        result.Set("correct", correct);
        return result;
      };
    });
  });
}

Napi::Value NetworkObject::recompute_statistics(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    auto batches = std::make_shared<TrainingBatches>(training_batches_argument(argument(info, 0), topology_));
    const std::uint64_t ticket = ++tickets_;
    return enqueue(info, [core = core_, batches, ticket]() -> WorkQueue::Settle {
      core->ready().recompute_statistics(batches->view(), [&] { return core->cancelled >= ticket; });
      return nothing();
    });
  });
}

Napi::Value NetworkObject::swap_average(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    return enqueue(info, [core = core_]() -> WorkQueue::Settle {
      core->ready().swap_average();
      return nothing();
    });
  });
}

Napi::Value NetworkObject::gradients(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    auto pixels = uint8_array(argument(info, 0), "pixels");
    const std::size_t batch = pixels.size() / image_bytes();
    if (batch == 0 || batch > kMaximumBatch || pixels.size() % image_bytes() != 0) {
      throw Error("invalid-argument", "pixels has " + std::to_string(pixels.size()) + " bytes; expected 1 to " +
                                          std::to_string(kMaximumBatch) + " images of " +
                                          std::to_string(image_bytes()));
    }
    auto labels = labels_argument(argument(info, 1), batch, topology_);
    const auto iteration =
        static_cast<std::uint32_t>(integer_argument(argument(info, 2), "iteration", 0, kMaximumIteration));
    const Optimizer optimizer = optimizer_argument(argument(info, 3));
    return enqueue(info, [core = core_, pixels = std::move(pixels), labels = std::move(labels), batch, iteration,
                          optimizer]() -> WorkQueue::Settle {
      auto gradients = std::make_shared<std::map<std::string, std::vector<float>>>();
      auto logits = std::make_shared<std::vector<float>>();
      const StepResult step = core->ready().gradients(pixels.data(), labels.data(), static_cast<int>(batch), iteration,
                                                      optimizer, gradients.get(), logits.get());
      return [gradients, logits, step](Napi::Env env) -> Napi::Value {
        Napi::Object by_name = Napi::Object::New(env);
        for (const auto& [name, values] : *gradients) by_name.Set(name, copied<Napi::Float32Array>(env, values));
        Napi::Object result = Napi::Object::New(env);
        result.Set("loss", step.loss);
        result.Set("correct", step.correct);
        result.Set("logits", copied<Napi::Float32Array>(env, *logits));
        result.Set("gradients", by_name);
        return result;
      };
    });
  });
}

Napi::Value NetworkObject::forward(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    auto images = std::make_shared<const ImageSource>(images_argument(argument(info, 0), topology_));
    const std::size_t classes = static_cast<std::size_t>(topology_.classes);
    return enqueue(info, [core = core_, images, classes, bytes = image_bytes()]() -> WorkQueue::Settle {
      Network& network = core->ready();
      auto logits = std::make_shared<std::vector<float>>(images->count * classes);
      auto posteriors = std::make_shared<std::vector<float>>(images->count * classes);
      network.forward(
          [&](std::size_t first, int number, std::uint8_t* target) {
            images->read(first, static_cast<std::size_t>(number), bytes, target);
          },
          images->count, logits->data(), posteriors->data());
      return [logits, posteriors](Napi::Env env) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("logits", copied<Napi::Float32Array>(env, *logits));
        result.Set("posteriors", copied<Napi::Float32Array>(env, *posteriors));
        return result;
      };
    });
  });
}

Napi::Value NetworkObject::activations(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    auto images = std::make_shared<const ImageSource>(images_argument(argument(info, 0), topology_));
    const std::string layer = string_argument(argument(info, 1), "layer");
    const Stage stage = stage_argument(argument(info, 2));
    std::size_t values = 1;
    for (const std::size_t extent : activation_shape(layers_, layer, stage)) values *= extent;
    if (images->count > kMaximumResult / values) {
      throw Error("invalid-argument", "the activations of " + std::to_string(images->count) +
                                          " images are too large for one call: ask for fewer images at once");
    }
    return enqueue(info, [core = core_, images, layer, stage, values, bytes = image_bytes()]() -> WorkQueue::Settle {
      Network& network = core->ready();
      auto output = std::make_shared<std::vector<float>>(images->count * values);
      network.activations(
          [&](std::size_t first, int number, std::uint8_t* target) {
            images->read(first, static_cast<std::size_t>(number), bytes, target);
          },
          images->count, layer, stage, output->data());
      return [output](Napi::Env env) { return copied<Napi::Float32Array>(env, *output); };
    });
  });
}

Napi::Value NetworkObject::activation_shape_of(const Napi::CallbackInfo& info) {
  return throwing(info.Env(), [&]() -> Napi::Value {
    const std::string layer = string_argument(argument(info, 0), "layer");
    return shape_result(info.Env(), activation_shape(layers_, layer, stage_argument(argument(info, 1))));
  });
}

Napi::Value NetworkObject::write_tensors(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    const std::string path = string_argument(argument(info, 0), "path");
    auto header = uint8_array(argument(info, 1), "header");
    auto names = string_array(argument(info, 2), "names", 1 << 16);
    return enqueue(info, [core = core_, path, header = std::move(header),
                          names = std::move(names)]() -> WorkQueue::Settle {
      Network& network = core->ready();
      AtomicFile file(path);
      file.write(header.data(), header.size());
      for (const std::string& name : names) {
        const std::vector<float> values = network.tensor(name);
        file.write(values.data(), values.size() * sizeof(float));
      }
      file.commit();
      return nothing();
    });
  });
}

// Enqueues ask(backend) and resolves to the text it returns.
template <typename Ask>
Napi::Value NetworkObject::text_of_backend(const Napi::CallbackInfo& info, Ask ask) {
  return enqueue(info, [core = core_, ask = std::move(ask)]() -> WorkQueue::Settle {
    const std::string text = ask(core->ready().backend());
    return [text](Napi::Env env) -> Napi::Value { return Napi::String::New(env, text); };
  });
}

Napi::Value NetworkObject::plans(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    return text_of_backend(info, [](Backend& backend) { return backend.plans(); });
  });
}

Napi::Value NetworkObject::use_plans(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    const std::string plans = string_argument(argument(info, 0), "plans");
    return text_of_backend(info, [plans](Backend& backend) { return backend.set_plans(plans); });
  });
}

Napi::Value NetworkObject::notes(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    return text_of_backend(info, [](Backend& backend) { return backend.notes(); });
  });
}

Napi::Value NetworkObject::cancel(const Napi::CallbackInfo& info) {
  core_->cancelled = tickets_;
  return info.Env().Undefined();
}

Napi::Value NetworkObject::close(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    if (closed_) return closing_.Value();
    closed_ = true;
    core_->cancelled = tickets_;
    const Napi::Object keep = info.This().As<Napi::Object>();
    const Napi::Value promise = queue_->enqueue_last(info.Env(), keep, [core = core_]() -> WorkQueue::Settle {
      core->release();
      return nothing();
    });
    closing_ = Napi::Reference<Napi::Promise>::New(promise.As<Napi::Promise>(), 1);
    return promise;
  });
}

}  // namespace deepyeast
