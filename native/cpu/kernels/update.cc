// One step of stochastic gradient descent with momentum: three arrays read and two written in one pass, bound by memory.
#include "update.h"

#include "vector.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

namespace {

void update(std::ptrdiff_t count, float momentum, float weight_decay, float velocity_rate, float step_rate,
            const float* gradient, float* parameters, float* velocity) {
  const Vector m = broadcast(momentum), decay = broadcast(weight_decay), rate = broadcast(velocity_rate),
               step = broadcast(-step_rate);
  for (std::ptrdiff_t i = 0; i < count; i += kWidth) {
    const int present = count - i < kWidth ? static_cast<int>(count - i) : kWidth;
    const Vector parameter = load_first(parameters + i, present);
    const Vector slope = fma(decay, parameter, load_first(gradient + i, present));
    const Vector speed = fma(m, load_first(velocity + i, present), rate * slope);
    store_first(velocity + i, speed, present);
    store_first(parameters + i, fma(step, speed, parameter), present);
  }
}

}  // namespace

extern const UpdateKernels update_kernels;
const UpdateKernels update_kernels = {update};

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
