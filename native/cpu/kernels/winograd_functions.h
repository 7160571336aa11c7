// The functions of WinogradKernels, which winograd.cc collects; each is defined in the file of its concern.
#pragma once

#include "vector.h"
#include "winograd.h"

namespace deepyeast {
namespace DEEPYEAST_ISA {

// winograd_forward.cc
void transform_input(const float* images, const WinogradGrid& grid, int first, int count, WinogradRows rows,
                     const WinogradLayout& layout, float* transformed);
void prefetch_input(const float* images, const WinogradGrid& grid, int first, int count, int part, int parts);
void transform_output(const float* transformed, const WinogradLayout& layout, const WinogradGrid& grid, int first,
                      int count, int channel, int channels, const WinogradStatistics* statistics,
                      const WinogradEpilogue* epilogue, float* images);

// winograd_weights.cc
void transform_weights(const float* weights, int inputs, int first, int count, std::size_t position, std::size_t panel,
                       float* transformed);
void transform_weights_rotated(const float* weights, int inputs, int outputs, int first, int count,
                               std::size_t position, std::size_t panel, float* transformed);

// winograd_weight_gradient.cc
void transform_gradient(const float* images, const WinogradGrid& grid, int first, int count, int channel, int channels,
                        WinogradRows rows, const WinogradLayout& layout, float* transformed);
void transform_weight_gradient(const float* products, std::size_t position, int inputs, float* gradient);

// winograd_product.cc
void multiply(int rows, int columns, int steps, const float* left, std::size_t left_row, std::size_t left_step,
              const float* right, float* product, std::size_t product_row, bool accumulate);

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
