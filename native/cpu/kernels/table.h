// The kernels of one instruction set as a table of functions, so that the rest of the library, compiled without special
// flags, can pick them at run time. Each group is declared in its own header beside the file that implements it.
#pragma once

#include "convolution.h"

namespace deepyeast {

struct KernelTable {
  const char* name;  // as in DEEPYEAST_ISA
  int width;         // floats in a vector
  ConvolutionKernels convolution;
};

#if defined(__x86_64__)
namespace avx512 {
extern const KernelTable kernel_table;
}
namespace avx2 {
extern const KernelTable kernel_table;
}
#endif
namespace portable {
extern const KernelTable kernel_table;
}

}  // namespace deepyeast
