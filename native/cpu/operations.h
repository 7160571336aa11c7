// The operations of the CPU backend that keep nothing between calls; backend.h says what each does.
#pragma once

#include "../engine/backend.h"
#include "cpu_context.h"

namespace deepyeast {

void gather(CpuContext& context, const GatherArguments& arguments, float* output);

void normalization_forward(CpuContext& context, const NormalizationShape& shape,
                           const NormalizationArguments& arguments, float* output);

void normalization_backward(CpuContext& context, const NormalizationShape& shape,
                            const NormalizationArguments& arguments, const float* output_gradient,
                            float* input_gradient, float* gamma_gradient, float* beta_gradient);

void softmax(int batch, int classes, const float* logits, float* posterior);

void softmax_cross_entropy(int batch, int classes, const float* logits, const std::int32_t* labels, const float* targets,
                           double* losses, std::int32_t* predicted, float* logits_gradient);

void update(CpuContext& context, const UpdateArguments& arguments);

void average(CpuContext& context, std::size_t count, float share, const float* values, float* average);

}  // namespace deepyeast
