// One convolution against the reference.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "../engine/backend.h"

namespace deepyeast::test {

using ConvolutionFactory = std::function<std::unique_ptr<Convolution>(const ConvolutionShape&, bool training)>;

constexpr double kConvolutionTolerance = 1e-5;

// Every operation of the convolution that the factory makes for the shape, on inputs with a mean. Throws Failure.
void check_convolution(Backend& backend, const ConvolutionFactory& factory, const ConvolutionShape& shape,
                       const std::string& name);

}  // namespace deepyeast::test
