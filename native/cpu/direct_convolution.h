// 3x3 convolution computed directly, for any number of channels.
#pragma once

#include <memory>

#include "cpu_context.h"
#include "cpu_convolution.h"

namespace deepyeast {

// context must outlive the object. training false: the backward operations will not be called.
std::unique_ptr<CpuConvolution> make_direct_convolution(const ConvolutionShape& shape, bool training,
                                                     CpuContext& context);

}  // namespace deepyeast
