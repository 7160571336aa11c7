// Every operation, written as plainly as possible and in double precision. The backends are compared with these.
#pragma once

#include <cstdint>
#include <vector>

#include "../engine/backend.h"

namespace deepyeast::test::reference {

using Array = std::vector<double>;

// Layouts as in backend.h.
Array convolution(const ConvolutionShape& shape, const Array& input, const Array& weights);
Array convolution_input_gradient(const ConvolutionShape& shape, const Array& weights, const Array& output_gradient);
Array convolution_weight_gradient(const ConvolutionShape& shape, const Array& input, const Array& output_gradient);

Array dense(const DenseShape& shape, const Array& input, const Array& weights, const Array* bias);
Array dense_input_gradient(const DenseShape& shape, const Array& weights, const Array& output_gradient);
Array dense_weight_gradient(const DenseShape& shape, const Array& input, const Array& output_gradient);

struct Statistics {
  Array mean, variance;
};
// Over values [count][channels]; biased.
Statistics statistics(const Array& values, int channels);

// Values [batch][height][width][channels] times scale plus shift (either may be empty), ReLU, pool.
Array epilogue(int batch, int height, int width, int channels, const Array& values, const Array& scale,
               const Array& shift, bool relu, bool pool);

// Batch normalization with the batch's own statistics, ReLU, pool or dropout. kept: factors 0 or 1 / (1 - p), empty for
// no dropout.
struct Normalization {
  Array output;
  Array input_gradient, gamma_gradient, beta_gradient;
};
Normalization normalization(const NormalizationShape& shape, const Array& input, const Array& gamma, const Array& beta,
                            const Array& kept, const Array& output_gradient);

// The network's input for a batch with perturbations: GatherArguments in engine/backend.h, with `mean` given apart, since that
// of the arguments may be on a device.
Array perturbed(const GatherArguments& arguments, const Array& mean);

}  // namespace deepyeast::test::reference
