// Image bytes to network input: augmentation, mean and scale.
#include "operations.h"
#include "perturbation.h"

namespace deepyeast {
namespace {

// In pairs, which are mixed where they lie.
void gather_perturbed(CpuContext& context, const GatherArguments& arguments, float* output) {
  const std::size_t batch = static_cast<std::size_t>(arguments.batch);
  const std::size_t values = static_cast<std::size_t>(arguments.size) * arguments.size * arguments.channels;
  context.parallel_for((batch + 1) / 2, [&](std::size_t pair, int) {
    Perturbation perturbation;
    const std::size_t first = 2 * pair, end = std::min(first + 2, batch);
    for (std::size_t cell = first; cell < end; ++cell) perturbation.perturb(arguments, cell, output + cell * values);
    const float partner = arguments.perturbations[first].partner;
    if (partner == 0.0f || end != first + 2) return;
    float* one = output + first * values;
    float* other = one + values;
    for (std::size_t i = 0; i < values; ++i) {
      const float a = one[i], b = other[i];
      one[i] = (1.0f - partner) * a + partner * b;
      other[i] = (1.0f - partner) * b + partner * a;
    }
  });
}

}  // namespace

void gather(CpuContext& context, const GatherArguments& arguments, float* output) {
  if (arguments.perturbations != nullptr) return gather_perturbed(context, arguments, output);
  const std::ptrdiff_t size = arguments.size, channels = arguments.channels, image_size = size * size * channels;
  context.parallel_for(static_cast<std::size_t>(arguments.batch), [&](std::size_t cell, int) {
    const int code = arguments.augmentation != nullptr ? arguments.augmentation[cell] : 0;
    const bool mirror_x = code & 1, mirror_y = code & 2, transpose = code & 4;
    const std::uint8_t* image = arguments.images + static_cast<std::ptrdiff_t>(cell) * image_size;
    float* target = output + static_cast<std::ptrdiff_t>(cell) * image_size;
    const float* mean = arguments.mean;
    if (code == 0) {  // in the order of memory, so that the compiler vectorizes the loop
      for (std::ptrdiff_t i = 0; i < image_size; ++i) target[i] = (image[i] - mean[i]) * arguments.scale;
      return;
    }
    for (std::ptrdiff_t y = 0; y < size; ++y) {
      for (std::ptrdiff_t x = 0; x < size; ++x, target += channels, mean += channels) {
        // From the output's pixel back to the image's: the last step of the augmentation is undone first.
        const std::ptrdiff_t row = transpose ? x : y, column = transpose ? y : x;
        const std::uint8_t* pixel =
            image + ((mirror_y ? size - 1 - row : row) * size + (mirror_x ? size - 1 - column : column)) * channels;
        for (std::ptrdiff_t c = 0; c < channels; ++c) target[c] = (pixel[c] - mean[c]) * arguments.scale;
      }
    }
  });
}

}  // namespace deepyeast
