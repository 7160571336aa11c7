// Vectors of floats for the kernels. Every file of this folder is compiled once per instruction set; the compile flags
// pick the width and the namespace. All code of a kernel file lives in that namespace or is static, and calls no inline
// function or template of the standard library: the linker merges those across files, and a copy compiled for AVX-512
// might be the one that survives.
//
// Kernels are compiled with -ffp-contract=off, so products and sums are fused exactly where fma() says so and an
// expression has the same bits wherever it is inlined.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include <immintrin.h>
#define DEEPYEAST_ISA avx512
#define DEEPYEAST_AVX512 1
#define DEEPYEAST_VECTOR_WIDTH 16
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define DEEPYEAST_ISA avx2
#define DEEPYEAST_AVX2 1
#define DEEPYEAST_VECTOR_WIDTH 8
#elif defined(__aarch64__) && !defined(DEEPYEAST_PORTABLE)
#include <arm_neon.h>
#define DEEPYEAST_ISA neon
#define DEEPYEAST_NEON 1
#define DEEPYEAST_VECTOR_WIDTH 4
#else
#define DEEPYEAST_ISA portable
#define DEEPYEAST_VECTOR_WIDTH 4
#endif

#define DEEPYEAST_INLINE static inline __attribute__((always_inline))

namespace deepyeast {
namespace DEEPYEAST_ISA {

constexpr int kWidth = DEEPYEAST_VECTOR_WIDTH;
// Vectors that fit in registers: tiles are as large as these allow.
#if DEEPYEAST_AVX512 || DEEPYEAST_NEON
constexpr int kRegisters = 32;
#else
constexpr int kRegisters = 16;
#endif

// kWidth floats. Arithmetic operators, comparisons and the conditional operator work element by element.
typedef float Vector __attribute__((vector_size(4 * DEEPYEAST_VECTOR_WIDTH)));
typedef std::int32_t Mask __attribute__((vector_size(4 * DEEPYEAST_VECTOR_WIDTH)));
typedef float UnalignedVector __attribute__((vector_size(4 * DEEPYEAST_VECTOR_WIDTH), aligned(4), may_alias));

// At any address.
DEEPYEAST_INLINE Vector load(const float* source) { return *reinterpret_cast<const UnalignedVector*>(source); }
DEEPYEAST_INLINE void store(float* target, Vector value) { *reinterpret_cast<UnalignedVector*>(target) = value; }

DEEPYEAST_INLINE Vector broadcast(float value) { return value - Vector{}; }

// The first count (0..width) elements; the others are zero, and are not touched in memory.
DEEPYEAST_INLINE Vector load_first(const float* source, int count) {
#if DEEPYEAST_AVX512
  return (Vector)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), source);
#else
  Vector value = {};
  for (int i = 0; i < count; ++i) value[i] = source[i];
  return value;
#endif
}
DEEPYEAST_INLINE void store_first(float* target, Vector value, int count) {
#if DEEPYEAST_AVX512
  _mm512_mask_storeu_ps(target, static_cast<__mmask16>((1u << count) - 1), (__m512)value);
#else
  for (int i = 0; i < count; ++i) target[i] = value[i];
#endif
}

// a * b + c: rounded once where the instruction set has it, twice in the portable kernels.
DEEPYEAST_INLINE Vector fma(Vector a, Vector b, Vector c) {
#if DEEPYEAST_AVX512
  return (Vector)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif DEEPYEAST_AVX2
  return (Vector)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif DEEPYEAST_NEON
  return (Vector)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}

// Sum of the elements, always in the same order.
DEEPYEAST_INLINE float sum(Vector value) {
  float elements[kWidth];
  store(elements, value);
  for (int half = kWidth / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) elements[i] += elements[i + half];
  return elements[0];
}

}  // namespace DEEPYEAST_ISA
}  // namespace deepyeast
