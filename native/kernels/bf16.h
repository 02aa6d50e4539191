// bf16: the upper half of a float32.
#pragma once

#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

// x rounded to the nearest bf16, ties to even, as oneDNN does it; NaN stays NaN.
COLDSTART_INLINE uint16_t bf16Of(float x) {
  const uint32_t bits = static_cast<uint32_t>(bitsOf(x));
  const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
  return static_cast<uint16_t>((x == x ? rounded : bits | 0x400000) >> 16);
}

COLDSTART_INLINE void store(float* to, float x) { *to = x; }
COLDSTART_INLINE void store(uint16_t* to, float x) { *to = bf16Of(x); }

COLDSTART_INLINE void roundToBf16(const float* from, int64_t count, uint16_t* to) {
#pragma omp simd
  for (int64_t i = 0; i < count; i++) to[i] = bf16Of(from[i]);
}

COLDSTART_KERNELS_END
