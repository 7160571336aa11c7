#include "forest_object.h"

#include <algorithm>
#include <cmath>

#include "../system/available_threads.h"
#include "../system/error.h"
#include "arguments.h"
#include "errors.h"
#include "results.h"

namespace deepyeast {
namespace {

constexpr std::uint64_t kMaximumColumns = 65536;  // a node holds 16 bits
constexpr std::uint64_t kMaximumClasses = 1024;   // 10 bits, in a code of native/forest/tree_grower.cc
constexpr std::uint64_t kMaximumTrees = 1000000;
constexpr std::uint64_t kMaximumRows = 0x7fffffff;

int threads_argument(const Napi::Value& value) {
  const auto threads = static_cast<int>(integer_argument(value, "threads", 0, kMaximumThreads));
  return threads == 0 ? available_threads() : threads;
}

}  // namespace

Forest& ForestObject::Core::open() const {
  if (!forest) throw Error("closed", "this forest was closed");
  return *forest;
}

Napi::Function ForestObject::define(Napi::Env env) {
  return DefineClass(env, "Forest",
                     {InstanceMethod<&ForestObject::begin_training>("beginTraining"),
                      InstanceMethod<&ForestObject::grow>("grow"), InstanceAccessor<&ForestObject::grown>("grown"),
                      InstanceMethod<&ForestObject::out_of_bag_error>("outOfBagError"),
                      InstanceMethod<&ForestObject::end_training>("endTraining"),
                      InstanceMethod<&ForestObject::probability_sums>("probabilitySums"),
                      InstanceMethod<&ForestObject::impurity_importance>("impurityImportance"),
                      InstanceMethod<&ForestObject::permutation_importance>("permutationImportance"),
                      InstanceMethod<&ForestObject::arrays>("arrays"),
                      InstanceMethod<&ForestObject::restore>("restore"),
                      InstanceMethod<&ForestObject::cancel>("cancel"), InstanceMethod<&ForestObject::close>("close")});
}

ForestObject::ForestObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ForestObject>(info) {
  throwing(info.Env(), [&] {
    const Napi::Object options = object_argument(argument(info, 0), "options");
    columns_ = static_cast<std::size_t>(integer_argument(options.Get("columns"), "columns", 1, kMaximumColumns));
    classes_ = static_cast<std::size_t>(integer_argument(options.Get("classes"), "classes", 1, kMaximumClasses));
    core_->forest = std::make_unique<Forest>(columns_, classes_);
    queue_ = std::make_unique<WorkQueue>(info.Env());
    queue_->on_shutdown([core = core_] { core->cancelled = true; });
  });
}

Napi::Promise ForestObject::enqueue(const Napi::CallbackInfo& info, WorkQueue::Work work) {
  return queue_->enqueue(info.Env(), info.This().As<Napi::Object>(), std::move(work));
}

void ForestObject::require_open() const {
  if (closed_) throw Error("closed", "this forest was closed");
}

ForestObject::Matrix ForestObject::matrix_argument(const Napi::Value& value) const {
  Matrix matrix{float32_array(value, "values"), 0};
  matrix.rows = matrix.values.size() / columns_;
  if (matrix.values.size() % columns_ != 0 || matrix.rows > kMaximumRows) {
    throw Error("invalid-argument", "values has " + std::to_string(matrix.values.size()) +
                                        " elements; expected rows of " + std::to_string(columns_));
  }
  const auto bad = std::find_if(matrix.values.begin(), matrix.values.end(), [](float v) { return !std::isfinite(v); });
  if (bad != matrix.values.end()) {
    const auto at = static_cast<std::size_t>(bad - matrix.values.begin());
    throw Error("invalid-argument", "the features hold " + std::to_string(*bad) + " in row " +
                                        std::to_string(at / columns_) + ", column " + std::to_string(at % columns_) +
                                        "; expected finite numbers");
  }
  return matrix;
}

std::vector<std::int32_t> ForestObject::labels_argument(const Napi::Value& value, std::size_t rows) const {
  auto labels = int32_array(value, "labels");
  if (labels.size() != rows || rows == 0) {
    throw Error("invalid-argument", "labels has " + std::to_string(labels.size()) + " elements for " +
                                        std::to_string(rows) + " rows; expected one a row, and one row or more");
  }
  require_labels(labels, classes_);
  return labels;
}

Napi::Value ForestObject::begin_training(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    const Napi::Object given = object_argument(argument(info, 0), "options");
    TreeOptions options;
    options.features_per_split = static_cast<std::size_t>(
        integer_argument(given.Get("featuresPerSplit"), "featuresPerSplit", 1, kMaximumColumns));
    options.leaf_size = static_cast<std::size_t>(integer_argument(given.Get("leafSize"), "leafSize", 1, kMaximumRows));
    options.class_weights = float64_array(given.Get("classWeights"), "classWeights");
    options.down_sample = boolean_argument(given.Get("downSample"), "downSample");
    options.seed = integer_argument(given.Get("seed"), "seed", 0, kMaximumSafeInteger);
    const int threads = threads_argument(given.Get("threads"));
    if (options.class_weights.size() != classes_) {
      throw Error("invalid-argument", "classWeights has " + std::to_string(options.class_weights.size()) +
                                          " elements; expected " + std::to_string(classes_));
    }
    for (const double weight : options.class_weights) {
      if (!(weight >= 1e-6 && weight <= 1e6)) {
        throw Error("invalid-argument", "classWeights hold " + std::to_string(weight) +
                                            "; expected numbers from 1e-6 to 1e6");
      }
    }
    auto matrix = std::make_shared<Matrix>(matrix_argument(given.Get("values")));
    auto labels = labels_argument(given.Get("labels"), matrix->rows);
    return enqueue(info, [core = core_, matrix, labels = std::move(labels), options, threads]() mutable
                   -> WorkQueue::Settle {
      core->open().begin_training(matrix->values.data(), std::move(labels), std::move(options), threads);
      core->grown = 0;
      return nothing();
    });
  });
}

Napi::Value ForestObject::grow(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    const auto trees = static_cast<std::size_t>(integer_argument(argument(info, 0), "trees", 0, kMaximumTrees));
    const int threads = threads_argument(argument(info, 1));
    core_->cancelled = false;
    return enqueue(info, [core = core_, trees, threads]() -> WorkQueue::Settle {
      core->open().grow(trees, threads, core->cancelled, core->grown);
      const auto total = static_cast<double>(core->open().trees());
      return [total](Napi::Env env) -> Napi::Value { return Napi::Number::New(env, total); };
    });
  });
}

Napi::Value ForestObject::grown(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(core_->grown));
}

Napi::Value ForestObject::out_of_bag_error(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    const int threads = threads_argument(argument(info, 0));
    return enqueue(info, [core = core_, threads]() -> WorkQueue::Settle {
      const double error = core->open().out_of_bag_error(threads);
      return [error](Napi::Env env) -> Napi::Value {
        return error < 0 ? env.Null() : Napi::Value(Napi::Number::New(env, error));
      };
    });
  });
}

Napi::Value ForestObject::end_training(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    return enqueue(info, [core = core_]() -> WorkQueue::Settle {
      core->open().end_training();
      return nothing();
    });
  });
}

Napi::Value ForestObject::probability_sums(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    auto matrix = std::make_shared<Matrix>(matrix_argument(argument(info, 0)));
    const auto first = static_cast<std::size_t>(integer_argument(argument(info, 1), "first", 0, kMaximumTrees));
    const auto last = static_cast<std::size_t>(integer_argument(argument(info, 2), "last", 0, kMaximumTrees));
    const int threads = threads_argument(argument(info, 3));
    return enqueue(info, [core = core_, matrix, first, last, threads, classes = classes_]() -> WorkQueue::Settle {
      auto sums = std::make_shared<std::vector<double>>(matrix->rows * classes);
      core->open().probability_sums(matrix->values.data(), matrix->rows, first, last, threads, sums->data());
      return [sums](Napi::Env env) -> Napi::Value { return copied<Napi::Float64Array>(env, *sums); };
    });
  });
}

Napi::Value ForestObject::impurity_importance(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    return enqueue(info, [core = core_]() -> WorkQueue::Settle {
      auto importance = std::make_shared<std::vector<double>>(core->open().impurity_importance());
      return [importance](Napi::Env env) -> Napi::Value { return copied<Napi::Float64Array>(env, *importance); };
    });
  });
}

Napi::Value ForestObject::permutation_importance(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    auto matrix = std::make_shared<Matrix>(matrix_argument(argument(info, 0)));
    auto labels = std::make_shared<std::vector<std::int32_t>>(labels_argument(argument(info, 1), matrix->rows));
    const auto seed = integer_argument(argument(info, 2), "seed", 0, kMaximumSafeInteger);
    const auto repeats = static_cast<std::size_t>(integer_argument(argument(info, 3), "repeats", 1, 1000));
    const int threads = threads_argument(argument(info, 4));
    core_->cancelled = false;
    return enqueue(info, [core = core_, matrix, labels, seed, repeats, threads]() -> WorkQueue::Settle {
      auto result = std::make_shared<PermutationImportance>(core->open().permutation_importance(
          matrix->values.data(), labels->data(), matrix->rows, seed, repeats, threads, core->cancelled));
      return [result](Napi::Env env) -> Napi::Value {
        Napi::Object object = Napi::Object::New(env);
        object.Set("accuracy", result->accuracy);
        object.Set("decreases", copied<Napi::Float64Array>(env, result->decreases));
        return object;
      };
    });
  });
}

Napi::Value ForestObject::arrays(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    return enqueue(info, [core = core_]() -> WorkQueue::Settle {
      auto arrays = std::make_shared<ForestArrays>(core->open().arrays());
      return [arrays](Napi::Env env) -> Napi::Value {
        Napi::Object object = Napi::Object::New(env);
        object.Set("treeBegins", copied<Napi::Int32Array>(env, arrays->tree_begins));
        object.Set("features", copied<Napi::Int32Array>(env, arrays->features));
        object.Set("thresholds", copied<Napi::Float32Array>(env, arrays->thresholds));
        object.Set("left", copied<Napi::Int32Array>(env, arrays->left));
        object.Set("leaves", copied<Napi::Float32Array>(env, arrays->leaves));
        return object;
      };
    });
  });
}

Napi::Value ForestObject::restore(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    require_open();
    const Napi::Object given = object_argument(argument(info, 0), "arrays");
    auto arrays = std::make_shared<ForestArrays>();
    arrays->tree_begins = int32_array(given.Get("treeBegins"), "treeBegins");
    arrays->features = int32_array(given.Get("features"), "features");
    arrays->thresholds = float32_array(given.Get("thresholds"), "thresholds");
    arrays->left = int32_array(given.Get("left"), "left");
    arrays->leaves = float32_array(given.Get("leaves"), "leaves");
    auto importance = float64_array(argument(info, 1), "importance");
    return enqueue(info, [core = core_, arrays, importance, columns = columns_,
                          classes = classes_]() -> WorkQueue::Settle {
      core->open();
      core->forest = std::make_unique<Forest>(columns, classes, *arrays, importance);
      return nothing();
    });
  });
}

Napi::Value ForestObject::cancel(const Napi::CallbackInfo& info) {
  core_->cancelled = true;
  return info.Env().Undefined();
}

Napi::Value ForestObject::close(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    if (closed_) return closing_.Value();
    closed_ = true;
    core_->cancelled = true;
    const Napi::Object keep = info.This().As<Napi::Object>();
    const Napi::Promise promise = queue_->enqueue_last(info.Env(), keep, [core = core_]() -> WorkQueue::Settle {
      core->forest.reset();
      return_freed_memory();
      return nothing();
    });
    closing_ = Napi::Reference<Napi::Promise>::New(promise, 1);
    return promise;
  });
}

}  // namespace deepyeast
