// The operations that keep nothing between calls; engine/backend.h says what each does. Activations are behind float
// pointers whatever the context computes in.
#pragma once

#include "context.h"

namespace deepyeast::cuda {

void gather(Context& context, const CudaGather& arguments, float* output);

void batch_statistics(Context& context, Index rows, int channels, const float* values,
                      const BatchStatistics& statistics);
void running_statistics(Context& context, int channels, std::size_t count, float momentum,
                        const BatchStatistics& statistics, float* running_mean, float* running_variance);

void normalization_forward(Context& context, const NormalizationShape& shape, const CudaNormalization& arguments,
                           float* output);
void normalization_backward(Context& context, const NormalizationShape& shape, const CudaNormalization& arguments,
                            const float* output_gradient, float* input_gradient, float* gamma_gradient,
                            float* beta_gradient);
// Rows of pixels: height * batch lines of `width` pixels. logits: the values are float32 even where activations are not.
void inference_epilogue(Context& context, Index lines, int width, int channels, const float* input,
                        const InferenceEpilogue& epilogue, bool logits, float* output);

void softmax(Context& context, int batch, int classes, const float* logits, float* posterior);
void softmax_cross_entropy(Context& context, int batch, int classes, const float* logits, const std::int32_t* labels,
                           const float* targets, double* losses, std::int32_t* predicted, float* logits_gradient);
void average(Context& context, std::size_t count, float share, const float* values, float* average);
void update(Context& context, const UpdatePart* parts, std::size_t part_count, const CudaUpdate& arguments);

// float32 to activations and back; and to bfloat16 whatever the context computes in.
void to_activations(Context& context, const float* source, std::size_t count, float* target);
void from_activations(Context& context, const float* source, std::size_t count, float* target);
void from_bfloat16(Context& context, const void* source, std::size_t count, float* target);

// target[column] = sum over rows of activations [rows][columns].
void column_sums(Context& context, const float* values, Index rows, Index columns, float* target);

// Direct convolution: the weights as it wants them, forward (also of the reversed weights, for the data gradient) and
// the weight gradient.
void direct_weights(Context& context, const ConvolutionShape& shape, bool reversed, const float* weights,
                    float* target);
void direct_forward(Context& context, const ConvolutionShape& shape, const float* input, const float* weights,
                    float* output);
void direct_weight_gradient(Context& context, const ConvolutionShape& shape, const float* input,
                            const float* output_gradient, float* weight_gradient);

}  // namespace deepyeast::cuda
