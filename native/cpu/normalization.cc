// Batch normalization, ReLU, pool and dropout: how the passes are cut into tasks, and the sums over the batch. The inner
// loops are kernels/normalization.cc.
#include <algorithm>
#include <cmath>
#include <vector>

#include "operations.h"
#include "shape_check.h"

namespace deepyeast {

namespace {

using std::ptrdiff_t;

constexpr int kBlockPixels = 512;  // input pixels of one task
constexpr int kMostChunks = 256;   // of the sums over the batch

void check(const NormalizationShape& shape, const NormalizationArguments& arguments) {
  check_shape(!shape.pool || (shape.height % 2 == 0 && shape.width % 2 == 0),
              "a 2x2 pool needs an even height and width");
  check_shape(shape.dropout == 0 || (!shape.pool && shape.height == 1 && shape.width == 1),
              "dropout follows dense layers only");
  check_shape(shape.dropout == 0 || arguments.dropout != nullptr, "dropout needs a stream of random numbers");
}

// How a layer's values are cut into blocks, one a task. A block consists of units, which the kernels process as a whole: a
// pair of rows before a pool, a cell before dropout, else a pixel. The shape alone decides.
struct Cut {
  explicit Cut(const NormalizationShape& shape) {
    const ptrdiff_t pixels = static_cast<ptrdiff_t>(shape.batch) * shape.height * shape.width;
    unit_pixels = shape.pool ? ptrdiff_t{2} * shape.width : 1;
    units = pixels / unit_pixels;
    block_units = std::max<ptrdiff_t>(1, kBlockPixels / unit_pixels);
    blocks = (units + block_units - 1) / block_units;
  }
  ptrdiff_t unit_pixels, units, block_units, blocks;
};

// Per-channel coefficients for the kernels. scale = gamma / sqrt(variance + epsilon).
struct Coefficients {
  Coefficients(const NormalizationShape& shape, const NormalizationArguments& arguments)
      : scale(static_cast<std::size_t>(shape.channels)), inverse_deviation(scale.size()) {
    for (std::size_t c = 0; c < scale.size(); ++c) {
      inverse_deviation[c] = 1 / std::sqrt(static_cast<double>(arguments.statistics.variance[c]) + shape.epsilon);
      scale[c] = static_cast<float>(arguments.gamma[c] * inverse_deviation[c]);
    }
    kernel = {arguments.statistics.mean, scale.data(), arguments.beta};
  }
  std::vector<float> scale;
  std::vector<double> inverse_deviation;
  NormalizationCoefficients kernel;
};

// The dropout words of one thread, drawn cell by cell.
class Dropout {
 public:
  Dropout(const CpuContext& context, const NormalizationShape& shape, const NormalizationArguments& arguments)
      : channels_(static_cast<std::size_t>(shape.channels)), stream_(arguments.dropout),
        threshold_(shape.dropout > 0 ? dropout_threshold(shape.dropout) : 0), keep_(1 / (1 - shape.dropout)),
        words_(shape.dropout > 0 ? channels_ * context.threads() : 0) {}

  DropoutMask draw(ptrdiff_t cell, int slot) {
    std::uint32_t* words = words_.data() + slot * channels_;
    stream_->words(static_cast<std::uint64_t>(cell) * channels_, channels_, words);
    return {words, threshold_, keep_};
  }

 private:
  std::size_t channels_;
  const RandomStream* stream_;
  std::uint32_t threshold_;
  float keep_;
  std::vector<std::uint32_t> words_;
};

}  // namespace

void normalization_forward(CpuContext& context, const NormalizationShape& shape,
                           const NormalizationArguments& arguments, float* output) {
  check(shape, arguments);
  const NormalizationKernels& kernels = *context.kernels().normalization;
  const Cut cut(shape);
  const Coefficients coefficients(shape, arguments);
  Dropout dropout(context, shape, arguments);
  const ptrdiff_t channels = shape.channels;
  context.parallel_for(static_cast<std::size_t>(cut.blocks), [&](std::size_t block, int slot) {
    const ptrdiff_t first = static_cast<ptrdiff_t>(block) * cut.block_units;
    const ptrdiff_t last = std::min(cut.units, first + cut.block_units);
    if (shape.pool) {
      for (ptrdiff_t pair = first; pair < last; ++pair)
        kernels.forward_pool(arguments.input + pair * cut.unit_pixels * channels, shape.width, shape.channels,
                             coefficients.kernel, output + pair * (shape.width / 2) * channels);
    } else if (shape.dropout > 0) {
      for (ptrdiff_t cell = first; cell < last; ++cell)
        kernels.forward_dropout(arguments.input + cell * channels, shape.channels, coefficients.kernel,
                                dropout.draw(cell, slot), output + cell * channels);
    } else {
      kernels.forward(arguments.input + first * channels, last - first, shape.channels, coefficients.kernel,
                      output + first * channels);
    }
  });
}

void normalization_backward(CpuContext& context, const NormalizationShape& shape,
                            const NormalizationArguments& arguments, const float* output_gradient,
                            float* input_gradient, float* gamma_gradient, float* beta_gradient) {
  check(shape, arguments);
  const NormalizationKernels& kernels = *context.kernels().normalization;
  const Cut cut(shape);
  const Coefficients coefficients(shape, arguments);
  Dropout dropout(context, shape, arguments);
  const ptrdiff_t channels = shape.channels;
  const ptrdiff_t output_unit = shape.pool ? shape.width / 2 : 1;  // output pixels of one unit

  // First pass: sums of z and of z (x - mean). The sums of a block are in single precision; a chunk adds those of its
  // blocks in double precision.
  const ptrdiff_t chunk_blocks = (cut.blocks + kMostChunks - 1) / kMostChunks;
  const std::size_t chunks = static_cast<std::size_t>((cut.blocks + chunk_blocks - 1) / chunk_blocks);
  const std::size_t pair_size = 2 * static_cast<std::size_t>(channels);
  std::vector<double> totals(chunks * pair_size);
  std::vector<float> block_sums(static_cast<std::size_t>(context.threads()) * pair_size);
  context.parallel_for(chunks, [&](std::size_t chunk, int slot) {
    float* sums = block_sums.data() + slot * pair_size;
    float* products = sums + channels;
    double* total = totals.data() + chunk * pair_size;
    const ptrdiff_t first_block = static_cast<ptrdiff_t>(chunk) * chunk_blocks;
    for (ptrdiff_t block = first_block; block < std::min(cut.blocks, first_block + chunk_blocks); ++block) {
      std::fill(sums, sums + pair_size, 0.0f);
      const ptrdiff_t first = block * cut.block_units, last = std::min(cut.units, first + cut.block_units);
      if (shape.pool) {
        for (ptrdiff_t pair = first; pair < last; ++pair)
          kernels.sums_pool(arguments.input + pair * cut.unit_pixels * channels,
                            output_gradient + pair * output_unit * channels, shape.width, shape.channels,
                            coefficients.kernel, sums, products);
      } else if (shape.dropout > 0) {
        for (ptrdiff_t cell = first; cell < last; ++cell)
          kernels.sums_dropout(arguments.input + cell * channels, output_gradient + cell * channels, shape.channels,
                               coefficients.kernel, dropout.draw(cell, slot), sums, products);
      } else {
        kernels.sums(arguments.input + first * channels, output_gradient + first * channels, last - first,
                     shape.channels, coefficients.kernel, sums, products);
      }
      for (std::size_t i = 0; i < pair_size; ++i) total[i] += sums[i];
    }
  });

  const double count = static_cast<double>(cut.units) * cut.unit_pixels;
  std::vector<float> z_mean(static_cast<std::size_t>(channels)), slope(z_mean.size());
  for (std::size_t c = 0; c < z_mean.size(); ++c) {
    double sum = 0, product = 0;
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
      sum += totals[chunk * pair_size + c];
      product += totals[chunk * pair_size + z_mean.size() + c];
    }
    const double inverse = coefficients.inverse_deviation[c];
    beta_gradient[c] = static_cast<float>(sum);
    gamma_gradient[c] = static_cast<float>(product * inverse);
    z_mean[c] = static_cast<float>(sum / count);
    slope[c] = static_cast<float>(product * inverse * inverse / count);
  }

  const NormalizationGradient gradient{z_mean.data(), slope.data()};
  context.parallel_for(static_cast<std::size_t>(cut.blocks), [&](std::size_t block, int slot) {
    const ptrdiff_t first = static_cast<ptrdiff_t>(block) * cut.block_units;
    const ptrdiff_t last = std::min(cut.units, first + cut.block_units);
    if (shape.pool) {
      for (ptrdiff_t pair = first; pair < last; ++pair)
        kernels.backward_pool(arguments.input + pair * cut.unit_pixels * channels,
                              output_gradient + pair * output_unit * channels, shape.width, shape.channels,
                              coefficients.kernel, gradient, input_gradient + pair * cut.unit_pixels * channels);
    } else if (shape.dropout > 0) {
      for (ptrdiff_t cell = first; cell < last; ++cell)
        kernels.backward_dropout(arguments.input + cell * channels, output_gradient + cell * channels, shape.channels,
                                 coefficients.kernel, dropout.draw(cell, slot), gradient,
                                 input_gradient + cell * channels);
    } else {
      kernels.backward(arguments.input + first * channels, output_gradient + first * channels, last - first,
                       shape.channels, coefficients.kernel, gradient, input_gradient + first * channels);
    }
  });
}

}  // namespace deepyeast
