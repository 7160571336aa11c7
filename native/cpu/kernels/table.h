// The kernels of one instruction set as tables of functions, so that the rest of the library, compiled without special
// flags, can pick them at run time. Each group is declared in its own header and defined beside its functions.
#pragma once

#include "convolution.h"
#include "convolution_weight_gradient.h"
#include "dense.h"
#include "inference.h"
#include "normalization.h"
#include "statistics.h"
#include "update.h"
#include "winograd.h"

namespace deepyeast {

struct KernelTable {
  const char* name;  // as in DEEPYEAST_ISA
  int width;         // floats in a vector
  const ConvolutionKernels* convolution;
  const DenseKernels* dense;
  const InferenceKernels* inference;
  const NormalizationKernels* normalization;
  const StatisticsKernels* statistics;
  const UpdateKernels* update;
  const WeightGradientKernels* weight_gradient;
  const WinogradKernels* winograd;
};

#if defined(__x86_64__)
namespace avx512 {
extern const KernelTable kernel_table;
}
namespace avx2 {
extern const KernelTable kernel_table;
}
#elif defined(__aarch64__)
namespace neon {
extern const KernelTable kernel_table;
}
#endif
namespace portable {
extern const KernelTable kernel_table;
}

}  // namespace deepyeast
