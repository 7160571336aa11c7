// The optimizer's step; see update.cc.
#pragma once

#include <cstddef>

namespace deepyeast {

struct UpdateKernels {
  // velocity = momentum * velocity + velocity_rate * (gradient + weight_decay * parameter), then
  // parameter -= step_rate * velocity. Caffe's form has velocity_rate = learning rate, step_rate = 1; PyTorch's has
  // them the other way round.
  void (*update)(std::ptrdiff_t count, float momentum, float weight_decay, float velocity_rate, float step_rate,
                 const float* gradient, float* parameters, float* velocity);
};

}  // namespace deepyeast
