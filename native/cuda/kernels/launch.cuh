// Launching the structures of this folder in a stream.
#pragma once

#include <cuda_runtime.h>

#include "../status.h"
#include "rows.h"

namespace deepyeast::cuda {

template <typename Body>
__global__ void __launch_bounds__(block_threads) kernel_of_threads(const __grid_constant__ Body body) {
  const Index thread = static_cast<Index>(blockIdx.x) * block_threads + threadIdx.x;
  if (thread < body.count) body(thread);
}

template <typename Body>
__global__ void __launch_bounds__(block_threads) kernel_of_blocks(const __grid_constant__ Body body) {
  body(static_cast<Index>(blockIdx.x), static_cast<int>(threadIdx.x));
}

template <typename Body>
__global__ void __launch_bounds__(block_threads) kernel_in_two_stages(const __grid_constant__ Body body) {
  extern __shared__ double shared_memory[];
  body.first(static_cast<Index>(blockIdx.x), static_cast<int>(threadIdx.x), shared_memory);
  __syncthreads();
  body.second(static_cast<Index>(blockIdx.x), static_cast<int>(threadIdx.x), shared_memory);
}

inline unsigned grid_of(Index blocks, const char* name) {
  if (blocks > 0x7fffffff) throw Error("invalid-argument", std::string(name) + ": the batch is too large for one launch");
  return static_cast<unsigned>(blocks);
}

// One thread for each of body.count.
template <typename Body>
void launch_threads(const Body& body, cudaStream_t stream, const char* name) {
  if (body.count <= 0) return;
  kernel_of_threads<<<grid_of((body.count + block_threads - 1) / block_threads, name), block_threads, 0, stream>>>(body);
  check(cudaGetLastError(), std::string("kernel ") + name);
}

template <typename Body>
void launch_blocks(const Body& body, cudaStream_t stream, const char* name) {
  kernel_of_blocks<<<grid_of(body.blocks(), name), block_threads, 0, stream>>>(body);
  check(cudaGetLastError(), std::string("kernel ") + name);
}

template <typename Body>
void launch_stages(const Body& body, std::size_t shared_bytes, cudaStream_t stream, const char* name) {
  kernel_in_two_stages<<<grid_of(body.blocks(), name), block_threads, shared_bytes, stream>>>(body);
  check(cudaGetLastError(), std::string("kernel ") + name);
}

}  // namespace deepyeast::cuda
