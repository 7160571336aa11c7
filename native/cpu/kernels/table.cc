#include "table.h"

#include "vector.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

extern const ConvolutionKernels convolution_kernels;
extern const DenseKernels dense_kernels;
extern const InferenceKernels inference_kernels;
extern const NormalizationKernels normalization_kernels;
extern const StatisticsKernels statistics_kernels;
extern const UpdateKernels update_kernels;
extern const WeightGradientKernels weight_gradient_kernels;
extern const WinogradKernels winograd_kernels;

#define DEEPYEAST_TEXT(word) #word
#define DEEPYEAST_NAME(word) DEEPYEAST_TEXT(word)

const KernelTable kernel_table = {
    DEEPYEAST_NAME(DEEPYEAST_ISA), kWidth,
    &convolution_kernels,          &dense_kernels,
    &inference_kernels,            &normalization_kernels,
    &statistics_kernels,           &update_kernels,
    &weight_gradient_kernels,      &winograd_kernels,
};

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
