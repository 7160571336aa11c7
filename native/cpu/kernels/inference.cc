// Scale, shift, ReLU and pool of freshly computed rows, which still lie in the cache. Pixels outside, vectors of channels
// inside: everything is read and written in the order of memory.
#include "inference.h"

#include "activation.h"
#include "vector.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

namespace {

template <bool pool>
DEEPYEAST_INLINE void apply(const float* input, std::ptrdiff_t row, int channels, const float* scale,
                            const float* shift, bool relu, float* output) {
  for (int c = 0; c < channels; c += kWidth) {
    const int count = channels - c;
    const bool whole = count >= kWidth;
    const auto get = [whole, count](const float* source) { return whole ? load(source) : load_first(source, count); };
    const Vector a = scale != nullptr ? get(scale + c) : broadcast(1.0f);
    const Vector b = shift != nullptr ? get(shift + c) : Vector{};
    Vector value = fma(get(input + c), a, b);
    if constexpr (pool) {
      value = larger(value, fma(get(input + channels + c), a, b));
      value = larger(value, fma(get(input + row + c), a, b));
      value = larger(value, fma(get(input + row + channels + c), a, b));
    }
    if (relu) value = rectify(value);
    if (whole) store(output + c, value);
    else store_first(output + c, value, count);
  }
}

void affine(const float* input, std::ptrdiff_t pixels, int channels, const float* scale, const float* shift, bool relu,
            float* output) {
  for (std::ptrdiff_t p = 0; p < pixels; ++p)
    apply<false>(input + p * channels, 0, channels, scale, shift, relu, output + p * channels);
}

void affine_pool(const float* input, int row_width, int channels, const float* scale, const float* shift, bool relu,
                 float* output) {
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(row_width) * channels;
  for (int x = 0; x < row_width / 2; ++x)
    apply<true>(input + std::ptrdiff_t{2} * x * channels, row, channels, scale, shift, relu,
                output + static_cast<std::ptrdiff_t>(x) * channels);
}

}  // namespace

extern const InferenceKernels inference_kernels;
const InferenceKernels inference_kernels = {affine, affine_pool};

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
