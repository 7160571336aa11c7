// The optimizer's step, in blocks that fit the caches.
#include <algorithm>

#include "operations.h"

namespace deepyeast {

void update(CpuContext& context, const UpdateArguments& arguments) {
  constexpr std::size_t kBlock = 1u << 14;
  const float velocity_rate = arguments.caffe_momentum ? arguments.learning_rate : 1.0f;
  const float step_rate = arguments.caffe_momentum ? 1.0f : arguments.learning_rate;
  context.parallel_for((arguments.count + kBlock - 1) / kBlock, [&](std::size_t task, int) {
    const std::size_t first = task * kBlock, count = std::min(kBlock, arguments.count - first);
    context.kernels().update->update(static_cast<std::ptrdiff_t>(count), arguments.momentum, arguments.weight_decay,
                                     velocity_rate, step_rate, arguments.gradient + first,
                                     arguments.parameters + first, arguments.velocity + first);
  });
}

}  // namespace deepyeast
