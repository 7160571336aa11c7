// 3x3 convolution computed directly, for any number of channels.
#pragma once

#include <memory>

#include "../engine/backend.h"
#include "cpu_context.h"

namespace deepyeast {

// context must outlive the object. training false: the backward operations will not be called.
std::unique_ptr<Convolution> make_direct_convolution(const ConvolutionShape& shape, bool training,
                                                     CpuContext& context);

}  // namespace deepyeast
