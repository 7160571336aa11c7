// The table of the Winograd convolution's kernels.
#include "winograd.h"

#include "winograd_functions.h"
#include "winograd_tiles.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

extern const WinogradKernels winograd_kernels;
const WinogradKernels winograd_kernels = {
    kPanelWidth,       transform_input,           prefetch_input,            transform_gradient, transform_output,
    transform_weights, transform_weights_rotated, transform_weight_gradient, multiply,
};

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
