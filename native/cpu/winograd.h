// 3x3 convolution by Winograd's F(4x4, 3x3): a quarter of the multiplications of the direct one.
#pragma once

#include <memory>

#include "cpu_context.h"
#include "cpu_convolution.h"

namespace deepyeast {

// Whether Winograd's algorithm is the faster one: not for a few channels, nor where 4x4 tiles fit the image badly.
bool winograd_suits(const ConvolutionShape& shape);

// For any shape. context must outlive the object. training false: the backward operations will not be called.
std::unique_ptr<CpuConvolution> make_winograd_convolution(const ConvolutionShape& shape, bool training,
                                                       CpuContext& context);

}  // namespace deepyeast
