// Dropout from Philox4x32-10, bit for bit as src/backend/philox.ts: element i takes word i mod 4 of the counter
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

constexpr int kDrawAttrs = 5;

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

// The random words of elements block * 64 … block * 64 + 63.
COLDSTART_INLINE void drawWords(const Draw& draw, int64_t block, uint32_t* words) {
  uint32_t c0[kDrawGroups], c1[kDrawGroups], c2[kDrawGroups], c3[kDrawGroups];
  const uint32_t first = static_cast<uint32_t>(block * kDrawGroups);
  for (int g = 0; g < kDrawGroups; g++) {
    c0[g] = first + static_cast<uint32_t>(g);
    c1[g] = draw.site;
    c2[g] = draw.step;
    c3[g] = draw.microBatch;
  }
  uint32_t k0 = draw.keyLow;
  uint32_t k1 = draw.keyHigh;
  for (int round = 0; round < 10; round++) {
#pragma omp simd
    for (int g = 0; g < kDrawGroups; g++) {
      const uint64_t product0 = static_cast<uint64_t>(0xd2511f53u) * c0[g];
      const uint64_t product1 = static_cast<uint64_t>(0xcd9e8d57u) * c2[g];
      c0[g] = static_cast<uint32_t>(product1 >> 32) ^ c1[g] ^ k0;
      c1[g] = static_cast<uint32_t>(product1);
      c2[g] = static_cast<uint32_t>(product0 >> 32) ^ c3[g] ^ k1;
      c3[g] = static_cast<uint32_t>(product0);
    }
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  for (int g = 0; g < kDrawGroups; g++) {
    words[4 * g] = c0[g];
    words[4 * g + 1] = c1[g];
    words[4 * g + 2] = c2[g];
    words[4 * g + 3] = c3[g];
  }
}

// y[i] = dropout(x[i]) (+ added[i] if not null) for the elements numbered first … first + count - 1; x may be y.
template <bool hasAdded>
inline void dropoutSpan(const Draw& draw, int64_t first, int64_t count, const float* x, const float* added, float* y) {
  alignas(64) uint32_t words[kDrawBlock];
  for (int64_t i = 0; i < count;) {
    const int64_t element = first + i;
    const int64_t block = element / kDrawBlock;
    const int64_t offset = element - block * kDrawBlock;
    const int64_t width = smaller(kDrawBlock - offset, count - i);
    drawWords(draw, block, words);
    const uint32_t* word = words + offset;
#pragma omp simd
    for (int64_t j = 0; j < width; j++) {
      const float kept = word[j] >= draw.threshold ? x[i + j] * draw.scale : 0.0f;
      y[i + j] = hasAdded ? kept + added[i + j] : kept;
    }
    i += width;
  }
}

COLDSTART_KERNELS_END
