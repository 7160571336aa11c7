// The optimizer's step and the average of its results, in blocks that fit the caches.
#include <algorithm>

#include "operations.h"

namespace deepyeast {

namespace {

constexpr std::size_t kBlock = 1u << 14;

}  // namespace

void update(CpuContext& context, const UpdateArguments& arguments) {
  const float velocity_rate = arguments.caffe_momentum ? arguments.learning_rate : 1.0f;
  const float step_rate = arguments.caffe_momentum ? 1.0f : arguments.learning_rate;
  context.parallel_for((arguments.count + kBlock - 1) / kBlock, [&](std::size_t task, int) {
    const std::size_t first = task * kBlock, count = std::min(kBlock, arguments.count - first);
    context.kernels().update->update(static_cast<std::ptrdiff_t>(count), arguments.momentum, arguments.weight_decay,
                                     velocity_rate, step_rate, arguments.gradient + first,
                                     arguments.parameters + first, arguments.velocity + first);
  });
}

void average(CpuContext& context, std::size_t count, float share, const float* values, float* average) {
  context.parallel_for((count + kBlock - 1) / kBlock, [&](std::size_t task, int) {
    const std::size_t first = task * kBlock, end = std::min(first + kBlock, count);
    for (std::size_t i = first; i < end; ++i) average[i] += share * (values[i] - average[i]);
  });
}

}  // namespace deepyeast
