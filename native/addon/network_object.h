// JavaScript's Network: src/native/addon.ts, NativeNetwork.
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "../engine/network.h"
#include "work_queue.h"

namespace deepyeast {

class NetworkObject : public Napi::ObjectWrap<NetworkObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit NetworkObject(const Napi::CallbackInfo& info);

 private:
  // What the worker thread uses: the network, which the first call makes, and the cancellation mark.
  struct Core {
    std::unique_ptr<Network> network;
    std::exception_ptr failure;              // why it could not be made
    std::atomic<std::uint64_t> cancelled{0}; // training calls up to this ticket stop after their mini-batch
    ~Core() { release(); }
    Network& ready() const;
    // Frees the network and returns its memory to the operating system.
    void release();
  };

  Napi::Value ready(const Napi::CallbackInfo& info);
  Napi::Value tensors(const Napi::CallbackInfo& info);
  Napi::Value tensor(const Napi::CallbackInfo& info);
  Napi::Value set_tensor(const Napi::CallbackInfo& info);
  Napi::Value read_tensors(const Napi::CallbackInfo& info);
  Napi::Value set_input_transform(const Napi::CallbackInfo& info);
  Napi::Value train_steps(const Napi::CallbackInfo& info);
  Napi::Value recompute_statistics(const Napi::CallbackInfo& info);
  Napi::Value swap_average(const Napi::CallbackInfo& info);
  Napi::Value gradients(const Napi::CallbackInfo& info);
  Napi::Value forward(const Napi::CallbackInfo& info);
  Napi::Value activations(const Napi::CallbackInfo& info);
  Napi::Value activation_shape_of(const Napi::CallbackInfo& info);
  Napi::Value write_tensors(const Napi::CallbackInfo& info);
  Napi::Value plans(const Napi::CallbackInfo& info);
  Napi::Value use_plans(const Napi::CallbackInfo& info);
  Napi::Value notes(const Napi::CallbackInfo& info);
  Napi::Value cancel(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  Napi::Value enqueue(const Napi::CallbackInfo& info, WorkQueue::Work work);
  template <typename Ask>
  Napi::Value text_of_backend(const Napi::CallbackInfo& info, Ask ask);
  void require_open() const;
  std::size_t image_bytes() const;

  Topology topology_;
  std::vector<Layer> layers_;
  ParameterLayout layout_;
  std::shared_ptr<Core> core_ = std::make_shared<Core>();
  std::uint64_t tickets_ = 0;
  bool closed_ = false;
  Napi::Reference<Napi::Promise> closing_;
  std::unique_ptr<WorkQueue> queue_;  // last member: its thread ends before the others are destroyed
};

}  // namespace deepyeast
