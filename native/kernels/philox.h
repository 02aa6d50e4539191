// Dropout from Philox4x32-10, bit for bit like src/random/philox.ts: element i takes word i mod 4 of the counter
// [i / 4, site, step, microBatch] and is kept if the word is at least floor(rate * 2^32).
#pragma once

#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

struct Draw {
  bool active;
  uint32_t threshold;
  float scale;
  uint32_t keyLow, keyHigh, site, step, microBatch;
};

// Attributes from `first` on: rate (0: nothing is dropped), seed, step, microBatch, site.
inline Draw drawOf(Call& call, int first) {
  Draw draw{};
  const double rate = call.attr(first);
  require(rate >= 0.0 && rate < 1.0, "a dropout rate must be at least 0 and below 1");
  draw.active = rate > 0.0;
  draw.threshold = static_cast<uint32_t>(rate * 4294967296.0);
  draw.scale = static_cast<float>(1.0 / (1.0 - rate));
  const uint64_t seed = static_cast<uint64_t>(call.integer(first + 1));
  draw.keyLow = static_cast<uint32_t>(seed);
  draw.keyHigh = static_cast<uint32_t>(seed >> 32);
  draw.step = static_cast<uint32_t>(call.integer(first + 2));
  draw.microBatch = static_cast<uint32_t>(call.integer(first + 3));
  draw.site = static_cast<uint32_t>(call.integer(first + 4));
  return draw;
}

constexpr int kDrawGroups = 16;
constexpr int kDrawBlock = 4 * kDrawGroups;  // elements drawn at once

// A register of counters, one in the low half of every lane; the high halves hold remains of products and are ignored.
constexpr int kCounters = kVector / 2;
typedef uint64_t Lanes __attribute__((vector_size(8 * kCounters)));

#if defined(__AVX512F__)
const Lanes kEachCounter = {0, 1, 2, 3, 4, 5, 6, 7};
#define COLDSTART_FRONT 0, 8, 1, 9, 2, 10, 3, 11
#define COLDSTART_BACK 4, 12, 5, 13, 6, 14, 7, 15
#elif defined(__AVX2__)
const Lanes kEachCounter = {0, 1, 2, 3};
#define COLDSTART_FRONT 0, 4, 1, 5
#define COLDSTART_BACK 2, 6, 3, 7
#else
const Lanes kEachCounter = {0, 1};
#define COLDSTART_FRONT 0, 2
#define COLDSTART_BACK 1, 3
#endif

// The lanes of two vectors in turn, from their front halves or their back halves. GCC 11 has no
// __builtin_shufflevector, clang only that.
#if defined(__clang__)
#define COLDSTART_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define COLDSTART_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, Lanes{__VA_ARGS__})
#endif

// low half times low half, 64 bits of product
COLDSTART_INLINE Lanes multiplyLow(Lanes a, Lanes b) {
#if defined(__AVX512F__)
  return (Lanes)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (Lanes)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return (Lanes)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
  return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

// The random words of two registers of counters from `counter` on.
COLDSTART_INLINE void drawTwo(const Draw& draw, uint64_t counter, uint32_t* words) {
  const Lanes zero{};
  const Lanes multiplier0 = zero + 0xd2511f53u;
  const Lanes multiplier1 = zero + 0xcd9e8d57u;
  const Lanes first = kEachCounter + counter;
  Lanes c0[2] = {first, first + kCounters};
  Lanes c1[2] = {zero + draw.site, zero + draw.site};
  Lanes c2[2] = {zero + draw.step, zero + draw.step};
  Lanes c3[2] = {zero + draw.microBatch, zero + draw.microBatch};
  uint32_t k0 = draw.keyLow;
  uint32_t k1 = draw.keyHigh;
#pragma GCC unroll 10
  for (int round = 0; round < 10; round++) {
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
      const Lanes product0 = multiplyLow(c0[i], multiplier0);
      const Lanes product1 = multiplyLow(c2[i], multiplier1);
      c0[i] = (product1 >> 32) ^ c1[i] ^ k0;
      c1[i] = product1;
      c2[i] = (product0 >> 32) ^ c3[i] ^ k1;
      c3[i] = product0;
    }
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; i++) {
    const Lanes low = (c0[i] & 0xffffffffu) | (c1[i] << 32);
    const Lanes high = (c2[i] & 0xffffffffu) | (c3[i] << 32);
    const Lanes front = COLDSTART_SHUFFLE(low, high, COLDSTART_FRONT);
    const Lanes back = COLDSTART_SHUFFLE(low, high, COLDSTART_BACK);
    uint32_t* to = words + 4 * kCounters * i;
    __builtin_memcpy(to, &front, sizeof front);
    __builtin_memcpy(to + 2 * kCounters, &back, sizeof back);
  }
}

// The random words of elements block * 64 … block * 64 + 63.
COLDSTART_INLINE void drawWords(const Draw& draw, int64_t block, uint32_t* words) {
#pragma GCC unroll 4
  for (int group = 0; group < kDrawGroups; group += 2 * kCounters)
    drawTwo(draw, static_cast<uint64_t>(block * kDrawGroups + group), words + 4 * group);
}

// How many words drawSpan may write for `count` elements.
constexpr int64_t drawSpanSize(int64_t count) { return count + 2 * kDrawBlock; }

// The words of elements first … first + count - 1, for callers that use them in pieces or twice; returns the address of
// the first.
inline const uint32_t* drawSpan(const Draw& draw, int64_t first, int64_t count, uint32_t* words) {
  const int64_t start = first / kDrawBlock;
  for (int64_t block = start; block * kDrawBlock < first + count; block++)
    drawWords(draw, block, words + (block - start) * kDrawBlock);
  return words + (first - start * kDrawBlock);
}

template <bool hasAdded, bool relu>
COLDSTART_INLINE void applyWords(const uint32_t* words, uint32_t threshold, float scale, int64_t count, const float* x,
                                 const float* added, float* y) {
#pragma omp simd
  for (int64_t j = 0; j < count; j++) {
    const float value = x[j];
    const float scaled = (relu && value < 0.0f ? 0.0f : value) * scale;
    const float kept = words[j] >= threshold ? scaled : 0.0f;
    y[j] = hasAdded ? kept + added[j] : kept;
  }
}

typedef uint32_t WordVector __attribute__((vector_size(4 * kVector), aligned(4), may_alias));

// Dropout of a vector, decided by its random words.
COLDSTART_INLINE Vector keptOf(const Draw& draw, const float* words, Vector x) {
  const WordVector drawn = *reinterpret_cast<const WordVector*>(words);
  return drawn >= draw.threshold ? x * draw.scale : Vector{};
}

// y[i] = dropout(x[i]) (+ added[i] if not null), or dropout(relu(x[i])), for the elements numbered first … first +
// count - 1; x may be y.
template <bool hasAdded, bool relu = false>
inline void dropoutSpan(const Draw& draw, int64_t first, int64_t count, const float* x, const float* added, float* y) {
  alignas(64) uint32_t words[kDrawBlock];
  const uint32_t threshold = draw.threshold;
  const float scale = draw.scale;
  for (int64_t i = 0; i < count;) {
    const int64_t element = first + i;
    const int64_t block = element / kDrawBlock;
    const int64_t offset = element - block * kDrawBlock;
    const int64_t width = smaller(kDrawBlock - offset, count - i);
    drawWords(draw, block, words);
    const float* plus = hasAdded ? added + i : nullptr;
    // a whole block has a constant trip count and needs no remainder loop
    if (width == kDrawBlock) applyWords<hasAdded, relu>(words, threshold, scale, kDrawBlock, x + i, plus, y + i);
    else applyWords<hasAdded, relu>(words + offset, threshold, scale, width, x + i, plus, y + i);
    i += width;
  }
}

COLDSTART_KERNELS_END
