// What every kernel is written in terms of. A kernel is a structure of its arguments with one function for the work of a
// thread, so that the same code runs on the device (launch.cuh) and, thread by thread, on the host, where
// native/test/cuda_kernels_test.cc compares it with the reference.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#define DEEPYEAST_DEVICE __host__ __device__ __forceinline__
#else
#define DEEPYEAST_DEVICE inline
#endif
#if defined(__CUDA_ARCH__)
#define DEEPYEAST_UNROLL _Pragma("unroll")
#define DEEPYEAST_UNROLL_4 _Pragma("unroll 4")
#else
#define DEEPYEAST_UNROLL
#define DEEPYEAST_UNROLL_4
#endif

namespace deepyeast::cuda {

using Index = std::ptrdiff_t;

// The upper half of a float32, rounded to nearest even.
struct BFloat16 {
  std::uint16_t bits;
};

DEEPYEAST_DEVICE float to_float(float value) { return value; }
DEEPYEAST_DEVICE float to_float(BFloat16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value.bits) << 16;
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
#endif
}

template <typename Type>
DEEPYEAST_DEVICE Type from_float(float value);
template <>
DEEPYEAST_DEVICE float from_float<float>(float value) {
  return value;
}
template <>
DEEPYEAST_DEVICE BFloat16 from_float<BFloat16>(float value) {
#if defined(__CUDA_ARCH__)
  return {__bfloat16_as_ushort(__float2bfloat16_rn(value))};
#else
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if (value != value) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
#endif
}

// `size` neighbouring values, moved by as few and as wide accesses as their alignment allows: addresses are multiples of
// the pack's size or of 16 bytes, whichever is less.
template <typename Type, int size>
struct alignas(sizeof(Type) * size < 16 ? sizeof(Type) * size : 16) Pack {
  Type values[size];
};

template <int size, typename Type>
DEEPYEAST_DEVICE void load(const Type* source, float (&values)[size]) {
  const Pack<Type, size> pack = *reinterpret_cast<const Pack<Type, size>*>(source);
  for (int i = 0; i < size; ++i) values[i] = to_float(pack.values[i]);
}

template <int size, typename Type>
DEEPYEAST_DEVICE void store(Type* target, const float (&values)[size]) {
  Pack<Type, size> pack;
  for (int i = 0; i < size; ++i) pack.values[i] = from_float<Type>(values[i]);
  *reinterpret_cast<Pack<Type, size>*>(target) = pack;
}

// A value that is not a number stays one.
DEEPYEAST_DEVICE float rectify(float value) { return value < 0.0f ? 0.0f : value; }

// Word `element` of a stream of system/random.h.
struct Stream {
  std::uint32_t key[2];
  std::uint32_t stream, iteration, purpose;

  DEEPYEAST_DEVICE std::uint32_t word(std::uint64_t element) const {
    std::uint32_t c0 = static_cast<std::uint32_t>(element / 4), c1 = stream, c2 = iteration, c3 = purpose;
    std::uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0, p1 = std::uint64_t{0xCD9E8D57u} * c2;
      const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
      const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c0 = n0;
      c1 = static_cast<std::uint32_t>(p1);
      c2 = n2;
      c3 = static_cast<std::uint32_t>(p0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    const std::uint32_t lane = static_cast<std::uint32_t>(element % 4);
    return lane == 0 ? c0 : lane == 1 ? c1 : lane == 2 ? c2 : c3;
  }
};

}  // namespace deepyeast::cuda
