// The gradients of linear layers that share an input, by blocks of rows: a thread takes a block through all its
// products while it is in the cache. This pays where the weights are small enough to stay there too; the forward pass,
// which reads nothing twice, gains nothing.
#pragma once

#include "philox.h"

COLDSTART_KERNELS_BEGIN

constexpr int64_t kLeastRowsInBlocks = 512;
constexpr int64_t kMostWeightsInBlocks = 256 * 256;
constexpr int kMostLayers = 8;

// Whether a layer is faster by blocks than by whole products.
inline bool worksInBlocks(int64_t rows, int64_t in, int64_t out) {
  return rows >= kLeastRowsInBlocks && in > 0 && out > 0 && in <= kMostWeightsInBlocks / out;
}

struct LinearLayerGrad {
  const float* weight;  // [out, in]
  const float* dy;      // [rows, out]
  const float* y;       // with ReLU the forward result, else null
  float* dWeight;       // [out, in]
  float* dBias;         // [out] or null
  int64_t out;
};

// The gradient before ReLU and dropout of dy's elements numbered first … first + count - 1; y is their forward result
// with ReLU, else null.
inline void unmask(const Draw& draw, int64_t first, int64_t count, const float* dy, const float* y, float* masked) {
  if (y == nullptr) return dropoutSpan<false>(draw, first, count, dy, nullptr, masked);
  // an element passed both ReLU and dropout exactly if y > 0
  const float scale = draw.active ? draw.scale : 1.0f;
  int64_t i = 0;
  for (; i + kVector <= count; i += kVector)
    storeVector(masked + i, loadVector(y + i) > 0.0f ? loadVector(dy + i) * scale : Vector{});
  for (; i < count; i++) masked[i] = y[i] > 0.0f ? dy[i] * scale : 0.0f;
}

// dx, summed over the layers, and every layer's dWeight and dBias. With `rounds` the products' operands are rounded to
// bf16, block by block.
void linearBackward(Call& call, const float* x, float* dx, int64_t rows, int64_t in, const LinearLayerGrad* layers,
                    int count, const Draw& draw, bool rounds);

COLDSTART_KERNELS_END
