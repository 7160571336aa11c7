// JavaScript's Forest: src/native/addon.ts, NativeForest.
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>
#include <vector>

#include "../forest/forest.h"
#include "work_queue.h"

namespace deepyeast {

class ForestObject : public Napi::ObjectWrap<ForestObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit ForestObject(const Napi::CallbackInfo& info);

 private:
  // What the worker thread uses. Running calls hold it, so that it may outlive the JavaScript object.
  struct Core {
    std::unique_ptr<Forest> forest;  // null after close
    std::atomic<bool> cancelled{false};
    std::atomic<std::size_t> grown{0};
    Forest& open() const;
  };
  struct Matrix {
    std::vector<float> values;
    std::size_t rows;
  };

  Napi::Value begin_training(const Napi::CallbackInfo& info);
  Napi::Value grow(const Napi::CallbackInfo& info);
  Napi::Value grown(const Napi::CallbackInfo& info);
  Napi::Value out_of_bag_error(const Napi::CallbackInfo& info);
  Napi::Value end_training(const Napi::CallbackInfo& info);
  Napi::Value probability_sums(const Napi::CallbackInfo& info);
  Napi::Value impurity_importance(const Napi::CallbackInfo& info);
  Napi::Value permutation_importance(const Napi::CallbackInfo& info);
  Napi::Value arrays(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value cancel(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  Napi::Promise enqueue(const Napi::CallbackInfo& info, WorkQueue::Work work);
  void require_open() const;
  Matrix matrix_argument(const Napi::Value& value) const;
  std::vector<std::int32_t> labels_argument(const Napi::Value& value, std::size_t rows) const;

  std::size_t columns_ = 0, classes_ = 0;
  bool closed_ = false;
  Napi::Reference<Napi::Promise> closing_;
  std::shared_ptr<Core> core_ = std::make_shared<Core>();
  std::unique_ptr<WorkQueue> queue_;  // last member: its thread ends before the others are destroyed
};

}  // namespace deepyeast
