// Embedding lookup and its gradient, rows added up in the order of ids.
#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

void checkIds(const Tensor& ids, int64_t vocabSize) {
  for (int64_t i = 0; i < ids.size; i++) {
    if (ids.i32()[i] < 0 || ids.i32()[i] >= vocabSize) failPosition("token id", ids.i32()[i], vocabSize - 1);
  }
}

// ids [N], table [V, d] → scale * table[ids] [N, d]. Attribute: scale.
void embedTokens(Call& call) {
  const Tensor& ids = call.ints(0);
  const Tensor& table = call.floats(1);
  require(table.rank == 2, "the table must be [V, d]");
  const int64_t width = table.dims[1];
  Tensor& out = call.floats(2, ids.size * width);
  const float scale = static_cast<float>(call.attr(0));
  checkIds(ids, table.dims[0]);
  parallelRows(ids.size, width, [&](int64_t row) {
    const float* from = table.f32() + ids.i32()[row] * width;
    float* to = out.f32() + row * width;
#pragma omp simd
    for (int64_t i = 0; i < width; i++) to[i] = from[i] * scale;
  });
}

// ids [N], dy [N, d] → [V, d]: scale times the sums of rows by id, none for padId. Attributes: scale, padId.
void embedTokensGrad(Call& call) {
  const Tensor& ids = call.ints(0);
  Tensor& out = call.floats(2);
  require(out.rank == 2, "the gradient must be [V, d]");
  const int64_t width = out.dims[1];
  const Tensor& dy = call.floats(1, ids.size * width);
  const float scale = static_cast<float>(call.attr(0));
  const int64_t padId = call.integer(1);
  checkIds(ids, out.dims[0]);
  // threads own columns: every sum has one writer and one order
  parallelRanges(width, 16, dy.size + out.size >= kSerialElements, [&](int64_t begin, int64_t end) {
    for (int64_t row = 0; row < out.dims[0]; row++) {
      for (int64_t i = begin; i < end; i++) out.f32()[row * width + i] = 0.0f;
    }
    for (int64_t row = 0; row < ids.size; row++) {
      const int64_t id = ids.i32()[row];
      if (id == padId) continue;
      const float* from = dy.f32() + row * width;
      float* to = out.f32() + id * width;
#pragma omp simd
      for (int64_t i = begin; i < end; i++) to[i] += from[i] * scale;
    }
  });
}

}  // namespace

void registerEmbedding(KernelTable& table) {
  add(table, "EmbedTokens", embedTokens);
  add(table, "EmbedTokensGrad", embedTokensGrad);
}

COLDSTART_KERNELS_END
