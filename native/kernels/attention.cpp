// Multi-head scaled dot-product attention with key-length and causal masks, and its gradient. Probabilities are never stored
// between the two: the gradient makes them again from the scores and their log-sum-exp (Dao et al. 2022, §3.1).
#include "philox.h"
#include "smallProduct.h"

COLDSTART_KERNELS_BEGIN

namespace {

// Queries whose scores one thread holds at a time.
constexpr int64_t kQueryBlock = 64;

struct Shape {
  int64_t batch, queries, keys, heads, model, head;
  bool causal;
  float scale;
};

Shape shapeOf(Call& call, const Tensor& q) {
  Shape shape{};
  shape.batch = call.integer(0);
  shape.queries = call.integer(1);
  shape.keys = call.integer(2);
  shape.heads = call.integer(3);
  shape.causal = call.integer(4) != 0;
  require(shape.batch >= 0 && shape.queries >= 0 && shape.keys > 0 && shape.heads > 0, "heads and the keys' length must be positive, batch and the queries' length not negative");
  require(q.rank == 2 && q.dims[0] == elementsOf({shape.batch, shape.queries}), "q must be [B * T, d]");
  shape.model = q.dims[1];
  require(shape.model > 0 && shape.model % shape.heads == 0, "d must be a multiple of the heads");
  shape.head = shape.model / shape.heads;
  shape.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.head)));
  elementsOf({shape.batch, shape.keys, shape.model});
  elementsOf({shape.batch, shape.heads, shape.queries, shape.keys});
  return shape;
}

// How many keys query t of sentence b sees.
COLDSTART_INLINE int64_t visibleKeys(const Shape& shape, const int32_t* keyLengths, int64_t b, int64_t t) {
  int64_t visible = smaller(larger(keyLengths[b], 0), shape.keys);
  return shape.causal ? smaller(visible, t + 1) : visible;
}

// [count, head] rows of a [.., model] tensor → [count, padded head], zeros behind
COLDSTART_INLINE void packRows(const float* from, int64_t model, int64_t count, int64_t head, float* to) {
  const int64_t width = paddedWidth(head);
  for (int64_t r = 0; r < count; r++) {
    for (int64_t i = 0; i < head; i++) to[r * width + i] = from[r * model + i];
    for (int64_t i = head; i < width; i++) to[r * width + i] = 0.0f;
  }
}

// the same rows → [head, padded count], zeros behind
COLDSTART_INLINE void packColumns(const float* from, int64_t model, int64_t count, int64_t head, float* to) {
  const int64_t width = paddedWidth(count);
  int64_t r = 0;
  for (; r + 8 <= count; r += 8) {
    for (int64_t i = 0; i < head; i++) {
#pragma GCC unroll 8
      for (int64_t j = 0; j < 8; j++) to[i * width + r + j] = from[(r + j) * model + i];
    }
  }
  for (; r < count; r++) {
    for (int64_t i = 0; i < head; i++) to[i * width + r] = from[r * model + i];
  }
  for (int64_t i = 0; i < head; i++) {
    for (r = count; r < width; r++) to[i * width + r] = 0.0f;
  }
}

// Each thread's own part of one scratch block.
struct Workspace {
  float* start;
  int64_t size;
  float* mine() const { return start + omp_get_thread_num() * size; }
};

Workspace workspaceOf(Call& call, int64_t size) {
  size = paddedWidth(size);
  return {call.scratchFloats(size * omp_get_max_threads()), size};
}

// Floats of a workspace that hold the random words of a [rows, width] block of probabilities.
int64_t wordsSize(const Draw& draw, int64_t rows, int64_t width) { return draw.active ? paddedWidth(drawSpanSize(rows * width)) : 0; }

// Dropout of a [rows, width] block whose rows lie `stride` apart, by its words.
void dropoutBlock(const Draw& draw, const uint32_t* words, int64_t rows, int64_t width, int64_t stride, const float* x, float* y) {
  for (int64_t r = 0; r < rows; r++) applyWords<false>(words + r * width, draw.threshold, draw.scale, width, x + r * stride, nullptr, y + r * stride);
}

const IntVector kLanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// Which of the sixteen positions from `from` on a query sees.
COLDSTART_INLINE IntVector visibleLanes(int64_t from, int64_t visible) { return kLanes < static_cast<int32_t>(visible - from); }

// Softmax of scale * line over its first `visible` elements, zeros behind; returns the log-sum-exp. The width is a multiple of
// the vector's, so that short lines need no remainder loops.
COLDSTART_INLINE float maskedSoftmax(float* line, int64_t width, int64_t visible, float scale) {
  if (visible == 0) {
    for (int64_t from = 0; from < width; from += kVector) storeVector(line + from, Vector{});
    return -__builtin_inff();
  }
  Vector most = Vector{} - __builtin_inff();
  for (int64_t from = 0; from < width; from += kVector) {
    const Vector value = visibleLanes(from, visible) ? loadVector(line + from) : Vector{} - __builtin_inff();
    storeVector(line + from, value);
    most = value > most ? value : most;
  }
  const float peak = maxOf(most);
  Vector total{};
  for (int64_t from = 0; from < width; from += kVector) {
    const Vector e = exp16((loadVector(line + from) - peak) * scale);
    storeVector(line + from, e);
    total += e;
  }
  const float sum = sumOf(total);
  const float inverse = 1.0f / sum;
  for (int64_t from = 0; from < width; from += kVector) storeVector(line + from, loadVector(line + from) * inverse);
  return peak * scale + ::logf(sum);
}

// q [B*T, d], k, v [B*S, d], keyLengths [B] → out [B*T, d], logSumExp [B, H, T]. Attributes: B, T, S, H, causal, the draw.
void attention(Call& call) {
  const Tensor& q = call.floats(0);
  const Shape shape = shapeOf(call, q);
  const Draw draw = drawOf(call, 5);
  const float* k = call.floats(1, shape.batch * shape.keys * shape.model).f32();
  const float* v = call.floats(2, shape.batch * shape.keys * shape.model).f32();
  const int32_t* keyLengths = call.ints(3, shape.batch).i32();
  float* out = call.floats(4, q.size).f32();
  float* logSumExp = call.floats(5, shape.batch * shape.heads * shape.queries).f32();
  const int64_t keyWidth = paddedWidth(shape.keys);
  const int64_t headWidth = paddedWidth(shape.head);
  const int64_t block = smaller(kQueryBlock, shape.queries);
  const Workspace workspace = workspaceOf(call, shape.head * keyWidth + shape.keys * headWidth + block * keyWidth + wordsSize(draw, block, shape.keys));
  parallelRows(shape.batch * shape.heads, shape.queries * shape.keys * 64, [=, &q, &shape, &draw](int64_t pair) {
    const int64_t b = pair / shape.heads;
    const int64_t column = pair % shape.heads * shape.head;
    float* keysT = workspace.mine();
    float* values = keysT + shape.head * keyWidth;
    float* scores = values + shape.keys * headWidth;
    uint32_t* words = reinterpret_cast<uint32_t*>(scores + block * keyWidth);
    packColumns(k + b * shape.keys * shape.model + column, shape.model, shape.keys, shape.head, keysT);
    packRows(v + b * shape.keys * shape.model + column, shape.model, shape.keys, shape.head, values);
    for (int64_t first = 0; first < shape.queries; first += block) {
      const int64_t rows = smaller(block, shape.queries - first);
      const int64_t at = (b * shape.queries + first) * shape.model + column;
      smallProduct(q.f32() + at, shape.model, 1, keysT, keyWidth, rows, shape.head, keyWidth, scores, keyWidth);
      for (int64_t r = 0; r < rows; r++) {
        float* line = scores + r * keyWidth;
        const int64_t visible = visibleKeys(shape, keyLengths, b, first + r);
        logSumExp[pair * shape.queries + first + r] = maskedSoftmax(line, keyWidth, visible, shape.scale);
      }
      if (draw.active) {
        const uint32_t* drawn = drawSpan(draw, (pair * shape.queries + first) * shape.keys, rows * shape.keys, words);
        dropoutBlock(draw, drawn, rows, shape.keys, keyWidth, scores, scores);
      }
      smallProduct(scores, keyWidth, 1, values, headWidth, rows, shape.keys, shape.head, out + at, shape.model);
    }
  });
}

// dy [B*T, d], q, k, v, keyLengths, out, logSumExp → dq, dk, dv. Attributes as above.
void attentionGrad(Call& call) {
  const Tensor& dy = call.floats(0);
  const Shape shape = shapeOf(call, dy);
  const Draw draw = drawOf(call, 5);
  const int64_t keySize = shape.batch * shape.keys * shape.model;
  const float* q = call.floats(1, dy.size).f32();
  const float* k = call.floats(2, keySize).f32();
  const float* v = call.floats(3, keySize).f32();
  const int32_t* keyLengths = call.ints(4, shape.batch).i32();
  const float* out = call.floats(5, dy.size).f32();
  const float* logSumExp = call.floats(6, shape.batch * shape.heads * shape.queries).f32();
  float* dq = call.floats(7, dy.size).f32();
  float* dk = call.floats(8, keySize).f32();
  float* dv = call.floats(9, keySize).f32();
  const int64_t keyWidth = paddedWidth(shape.keys);
  const int64_t headWidth = paddedWidth(shape.head);
  const int64_t block = smaller(kQueryBlock, shape.queries);
  const int64_t sizes = 2 * shape.head * keyWidth + 3 * shape.keys * headWidth + 2 * block * headWidth + 3 * block * keyWidth + wordsSize(draw, block, shape.keys);
  const Workspace workspace = workspaceOf(call, sizes);
  parallelRows(shape.batch * shape.heads, shape.queries * shape.keys * 128, [=, &dy, &shape, &draw](int64_t pair) {
    const int64_t b = pair / shape.heads;
    const int64_t column = pair % shape.heads * shape.head;
    const int64_t keyStart = b * shape.keys * shape.model + column;
    float* keysT = workspace.mine();
    float* valuesT = keysT + shape.head * keyWidth;
    float* keys = valuesT + shape.head * keyWidth;
    float* dKeys = keys + shape.keys * headWidth;
    float* dValues = dKeys + shape.keys * headWidth;
    float* queries = dValues + shape.keys * headWidth;
    float* dOut = queries + block * headWidth;
    float* probabilities = dOut + block * headWidth;
    float* dScores = probabilities + block * keyWidth;
    float* dropped = dScores + block * keyWidth;
    uint32_t* words = reinterpret_cast<uint32_t*>(dropped + block * keyWidth);
    packColumns(k + keyStart, shape.model, shape.keys, shape.head, keysT);
    packColumns(v + keyStart, shape.model, shape.keys, shape.head, valuesT);
    packRows(k + keyStart, shape.model, shape.keys, shape.head, keys);
    for (int64_t first = 0; first < shape.queries; first += block) {
      const int64_t rows = smaller(block, shape.queries - first);
      const int64_t at = (b * shape.queries + first) * shape.model + column;
      const uint32_t* drawn = draw.active ? drawSpan(draw, (pair * shape.queries + first) * shape.keys, rows * shape.keys, words) : nullptr;
      packRows(q + at, shape.model, rows, shape.head, queries);
      packRows(dy.f32() + at, shape.model, rows, shape.head, dOut);
      smallProduct(queries, headWidth, 1, keysT, keyWidth, rows, shape.head, keyWidth, probabilities, keyWidth);
      smallProduct(dOut, headWidth, 1, valuesT, keyWidth, rows, shape.head, keyWidth, dScores, keyWidth);
      if (draw.active) dropoutBlock(draw, drawn, rows, shape.keys, keyWidth, dScores, dScores);
      for (int64_t r = 0; r < rows; r++) {
        float* p = probabilities + r * keyWidth;
        float* ds = dScores + r * keyWidth;
        const int64_t visible = visibleKeys(shape, keyLengths, b, first + r);
        const float logSum = logSumExp[pair * shape.queries + first + r];
        const float scale = shape.scale;
        // sum of p * dp over the keys, without them: it is dy · out
        float along = 0.0f;
        const float* y = out + at + r * shape.model;
        const float* g = dOut + r * headWidth;
#pragma omp simd reduction(+ : along)
        for (int64_t i = 0; i < shape.head; i++) along += g[i] * y[i];
        for (int64_t from = 0; from < keyWidth; from += kVector) {
          const Vector all = exp16(loadVector(p + from) * scale - logSum);
          const Vector probability = visibleLanes(from, visible) ? all : Vector{};
          storeVector(p + from, probability);
          storeVector(ds + from, probability * (loadVector(ds + from) - along) * scale);
        }
      }
      const float* kept = probabilities;
      if (draw.active) {
        dropoutBlock(draw, drawn, rows, shape.keys, keyWidth, probabilities, dropped);
        kept = dropped;
      }
      smallProduct(dScores, keyWidth, 1, keys, headWidth, rows, shape.keys, shape.head, dq + at, shape.model);
      smallProduct(dScores, 1, keyWidth, queries, headWidth, shape.keys, rows, headWidth, dKeys, headWidth, first > 0);
      smallProduct(kept, 1, keyWidth, dOut, headWidth, shape.keys, rows, headWidth, dValues, headWidth, first > 0);
    }
    for (int64_t s = 0; s < shape.keys; s++) {
      for (int64_t i = 0; i < shape.head; i++) {
        dk[keyStart + s * shape.model + i] = dKeys[s * headWidth + i];
        dv[keyStart + s * shape.model + i] = dValues[s * headWidth + i];
      }
    }
  });
}

}  // namespace

void registerAttention(KernelTable& table) {
  add(table, "Attention", attention);
  add(table, "AttentionGrad", attentionGrad);
}

COLDSTART_KERNELS_END
