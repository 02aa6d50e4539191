// Elementary functions without branches, so that loops over them become vector instructions. About 2 ulp.
// Source: the polynomials of S. Moshier's Cephes library (single precision).
#pragma once

#include <cmath>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "loops.h"

COLDSTART_KERNELS_BEGIN

#define COLDSTART_INLINE __attribute__((always_inline)) inline

COLDSTART_INLINE int32_t bitsOf(float x) {
  int32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  return bits;
}

COLDSTART_INLINE float floatOf(int32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, 4);
  return x;
}

// (exp(r) - 1 - r) / r^2 for |r| up to ln 2 / 2, of a number or a vector.
template <typename Value>
COLDSTART_INLINE Value expPolynomial(Value r) {
  Value p = Value{} + 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  return p * r + 5.0000001201e-1f;
}

// Results below the smallest normal number are 0.
COLDSTART_INLINE float vectorExp(float x) {
  const float clamped = x > 88.8f ? 88.8f : (x < -87.4f ? -87.4f : x);
  // adding and taking off 1.5 * 2^23 rounds to the nearest integer
  const float shifted = clamped * 1.44269504088896341f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  const int32_t exponent = bitsOf(shifted) - 0x4b400000;
  float r = clamped - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  const float p = expPolynomial(r) * r * r + r + 1.0f;
  // in two factors: 2^128 itself is not a float
  // shifted without a sign: for a NaN the exponent is any number, and its result is not used
  const uint32_t half = static_cast<uint32_t>(exponent >> 1);
  const uint32_t rest = static_cast<uint32_t>(exponent) - half;
  const float result =
      p * floatOf(static_cast<int32_t>((half + 127u) << 23)) * floatOf(static_cast<int32_t>((rest + 127u) << 23));
  const float bounded = x < -87.3365f ? 0.0f : (x > 88.7228394f ? __builtin_inff() : result);
  return x != x ? x : bounded;
}

COLDSTART_INLINE float vectorLog(float x) {
  const bool tiny = x < 1.17549435e-38f;
  const float scaled = tiny ? x * 8388608.0f : x;
  const int32_t bits = bitsOf(scaled);
  float e = static_cast<float>((bits >> 23) - 126) - (tiny ? 23.0f : 0.0f);
  float m = floatOf((bits & 0x007fffff) | 0x3f000000);  // [0.5, 1)
  const bool low = m < 0.707106781186547524f;
  e = low ? e - 1.0f : e;
  m = (low ? m + m : m) - 1.0f;
  const float z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  float y = p * m * z;
  y = y + e * -2.12194440e-4f;
  y = y - 0.5f * z;
  const float result = m + y + e * 0.693359375f;
  const float special = x == 0.0f ? -__builtin_inff() : (x < 0.0f ? __builtin_nanf("") : result);
  return x != x ? x : (x == __builtin_inff() ? x : special);
}

COLDSTART_INLINE float vectorTanh(float x) {
  const float magnitude = x < 0.0f ? -x : x;
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float small = p * z * x + x;
  const float large = 1.0f - 2.0f / (vectorExp(2.0f * magnitude) + 1.0f);
  const float signedLarge = x < 0.0f ? -large : large;
  return magnitude < 0.625f ? small : signedLarge;
}

COLDSTART_INLINE float vectorSigmoid(float x) { return 1.0f / (1.0f + vectorExp(-x)); }

// As many floats as a register holds, for loops that must not rely on the compiler's choice: for vectors wider than the
// registers it generates poor code.
#if defined(__AVX512F__)
constexpr int64_t kVector = 16;
#elif defined(__AVX2__)
constexpr int64_t kVector = 8;
#else
constexpr int64_t kVector = 4;
#endif
typedef float Vector __attribute__((vector_size(4 * kVector), aligned(4), may_alias));
typedef int32_t IntVector __attribute__((vector_size(4 * kVector)));
typedef uint32_t UIntVector __attribute__((vector_size(4 * kVector)));

COLDSTART_INLINE Vector loadVector(const float* from) { return *reinterpret_cast<const Vector*>(from); }
COLDSTART_INLINE void storeVector(float* to, Vector x) { *reinterpret_cast<Vector*>(to) = x; }

// vectorExp of a vector, for x below 10^9: beyond that, where there is AVX-512, infinity may have either sign.
#if defined(__AVX512F__)
COLDSTART_INLINE Vector expOf(Vector x) {
  // masked below: scaling to denormal numbers, and computing with them, takes a hundred times as long
  const __mmask16 isNormal = _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(-87.3365f), _CMP_NLT_UQ);
  const Vector n =
      (Vector)_mm512_roundscale_ps((__m512)(x * 1.44269504088896341f), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  Vector r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  const Vector p = expPolynomial(r) * (r * r) + (r + 1.0f);
  return (Vector)_mm512_maskz_scalef_ps(isNormal, (__m512)p, (__m512)n);
}
#else
COLDSTART_INLINE Vector expOf(Vector x) {
  const Vector zero{};
  const Vector upper = x > 88.8f ? zero + 88.8f : x;
  const Vector clamped = upper < -87.4f ? zero - 87.4f : upper;
  const Vector shifted = clamped * 1.44269504088896341f + 12582912.0f;
  const Vector n = shifted - 12582912.0f;
  const IntVector exponent = (IntVector)shifted - 0x4b400000;
  Vector r = clamped - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  const Vector p = expPolynomial(r) * r * r + r + 1.0f;
  const IntVector half = exponent >> 1;
  // shifted without a sign, as in vectorExp
  const Vector result =
      p * (Vector)(((UIntVector)half + 127u) << 23) * (Vector)(((UIntVector)(exponent - half) + 127u) << 23);
  return x < -87.3365f ? zero : result;
}
#endif

COLDSTART_INLINE Vector logOf(Vector x) {
  float lanes[kVector];
  storeVector(lanes, x);
#pragma omp simd
  for (int64_t i = 0; i < kVector; i++) lanes[i] = vectorLog(lanes[i]);
  return loadVector(lanes);
}

// The first `count` elements of a vector, zeros for the others; nothing after them is read.
COLDSTART_INLINE Vector loadLanes(const float* from, int64_t count) {
  if (count >= kVector) return loadVector(from);
  float lanes[kVector] = {};
  for (int64_t i = 0; i < count; i++) lanes[i] = from[i];
  return loadVector(lanes);
}

// Writes the first `count` elements of a vector, and nothing after them.
COLDSTART_INLINE void storeLanes(float* to, Vector x, int64_t count) {
  if (count >= kVector) return storeVector(to, x);
  float lanes[kVector];
  storeVector(lanes, x);
  for (int64_t i = 0; i < count; i++) to[i] = lanes[i];
}

COLDSTART_INLINE float sumOf(Vector x) {
  float lanes[kVector];
  storeVector(lanes, x);
  for (int64_t half = kVector / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; i++) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

COLDSTART_INLINE float maxOf(Vector x) {
  float lanes[kVector];
  storeVector(lanes, x);
  for (int64_t half = kVector / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; i++) lanes[i] = lanes[i + half] > lanes[i] ? lanes[i + half] : lanes[i];
  }
  return lanes[0];
}

COLDSTART_KERNELS_END
