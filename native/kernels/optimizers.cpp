// Optimiser steps and the gradient norm over all tensors in one call.
#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

// body(tensor, begin, end) over blocks of every tensor: many are too small to be worth a thread each. The size of a
// block is that of normBlock (src/backend/ops/squaredNorm.ts).
constexpr int64_t kBlock = 8192;

template <typename Body>
void forBlocks(Call& call, int count, Body body) {
  int64_t blocks = 0;
  for (int i = 0; i < count; i++) blocks += (call.tensor(i).size + kBlock - 1) / kBlock;
  struct Span {
    int tensor;
    int64_t begin, end;
  };
  Span* spans = static_cast<Span*>(call.scratch(larger(blocks, 1) * sizeof(Span)));
  int64_t next = 0;
  for (int i = 0; i < count; i++) {
    const int64_t size = call.tensor(i).size;
    for (int64_t begin = 0; begin < size; begin += kBlock) spans[next++] = {i, begin, smaller(begin + kBlock, size)};
  }
  parallelRows(blocks, kBlock, [&](int64_t b) { body(spans[b].tensor, spans[b].begin, spans[b].end, b); });
}

int countOf(Call& call, int lists) {
  const int64_t count = call.integer(0);
  require(count >= 0 && count * lists == call.tensorCount(), "the tensors are not the expected lists of equal length");
  for (int i = 0; i < call.tensorCount(); i++) call.floats(i, call.tensor(static_cast<int>(i % count)).size);
  return static_cast<int>(count);
}

// params, gradients, first moments, second moments → the same three without gradients.
// Attributes: count, beta1, beta2, eps, gradient scale, decay, step size.
void adamStep(Call& call) {
  const int count = countOf(call, 7);
  const float beta1 = static_cast<float>(call.attr(1)), beta2 = static_cast<float>(call.attr(2)),
              eps = static_cast<float>(call.attr(3));
  const float gradientScale = static_cast<float>(call.attr(4)), keep = static_cast<float>(1.0 - call.attr(5)),
              stepSize = static_cast<float>(call.attr(6));
  const float rest1 = static_cast<float>(1.0 - call.attr(1)), rest2 = static_cast<float>(1.0 - call.attr(2));
  forBlocks(call, count, [&](int tensor, int64_t begin, int64_t end, int64_t) {
    const float* param = call.tensor(tensor).f32();
    const float* gradient = call.tensor(count + tensor).f32();
    const float* first = call.tensor(2 * count + tensor).f32();
    const float* second = call.tensor(3 * count + tensor).f32();
    float* newParam = call.tensor(4 * count + tensor).f32();
    float* newFirst = call.tensor(5 * count + tensor).f32();
    float* newSecond = call.tensor(6 * count + tensor).f32();
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
      const float g = gradient[i] * gradientScale;
      const float m = beta1 * first[i] + rest1 * g;
      const float v = beta2 * second[i] + rest2 * g * g;
      newFirst[i] = m;
      newSecond[i] = v;
      newParam[i] = keep * param[i] - stepSize * (m / (__builtin_sqrtf(v) + eps));
    }
  });
}

// params, gradients, buffers? → params, buffers?. Attributes: count, lr, momentum, nesterov, weight decay, gradient
// scale, has buffers.
void sgdStep(Call& call) {
  const float lr = static_cast<float>(call.attr(1)), momentum = static_cast<float>(call.attr(2)),
              weightDecay = static_cast<float>(call.attr(4));
  const float gradientScale = static_cast<float>(call.attr(5));
  const bool nesterov = call.integer(3) != 0, hasMomentum = call.attr(2) != 0.0,
             hasBuffers = hasMomentum && call.integer(6) != 0;
  const int count = countOf(call, 3 + (hasBuffers ? 1 : 0) + (hasMomentum ? 1 : 0));
  const int outputs = (hasBuffers ? 3 : 2) * count;
  forBlocks(call, count, [&](int tensor, int64_t begin, int64_t end, int64_t) {
    const float* param = call.tensor(tensor).f32();
    const float* gradient = call.tensor(count + tensor).f32();
    const float* buffer = hasBuffers ? call.tensor(2 * count + tensor).f32() : nullptr;
    float* newParam = call.tensor(outputs + tensor).f32();
    float* newBuffer = hasMomentum ? call.tensor(outputs + count + tensor).f32() : nullptr;
    for (int64_t i = begin; i < end; i++) {
      const float g = gradient[i] * gradientScale + param[i] * weightDecay;
      float direction = g;
      if (hasMomentum) {
        const float moved = hasBuffers ? buffer[i] * momentum + g : g;
        newBuffer[i] = moved;
        direction = nesterov ? g + moved * momentum : moved;
      }
      newParam[i] = param[i] - direction * lr;
    }
  });
}

// x0 … → [blocks] the sum of the squares of each block of each tensor. Attribute: count.
void squaredNorms(Call& call) {
  const int64_t count = call.integer(0);
  require(count + 1 == call.tensorCount(), "the count is not the number of tensors");
  int64_t blocks = 0;
  for (int i = 0; i < count; i++) blocks += (call.floats(i).size + kBlock - 1) / kBlock;
  float* parts = call.floats(static_cast<int>(count), blocks).f32();
  forBlocks(call, static_cast<int>(count), [&](int tensor, int64_t begin, int64_t end, int64_t block) {
    const float* x = call.tensor(tensor).f32();
    float total = 0.0f;
#pragma omp simd reduction(+ : total)
    for (int64_t i = begin; i < end; i++) total += x[i] * x[i];
    parts[block] = total;
  });
}

}  // namespace

void registerOptimizers(KernelTable& table) {
  add(table, "AdamStep", adamStep);
  add(table, "SgdStep", sgdStep);
  add(table, "SquaredNorms", squaredNorms);
}

COLDSTART_KERNELS_END
