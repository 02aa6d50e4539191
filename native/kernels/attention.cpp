// Multi-head scaled dot-product attention with key-length and causal masks, and its gradient. Probabilities are never
// stored between the two: the gradient makes them again from the scores and their log-sum-exp (Dao et al. 2022, §3.1).
#include "philox.h"
#include "smallProduct.h"
#include "transpose.h"

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
  require(shape.batch >= 0 && shape.queries >= 0 && shape.keys > 0 && shape.heads > 0,
          "heads and the keys' length must be positive, batch and the queries' length not negative");
  require(q.rank == 2 && q.dims[0] == elementsOf({shape.batch, shape.queries}), "q must be [B * T, d]");
  shape.model = q.dims[1];
  require(shape.model > 0 && shape.model % shape.heads == 0, "d must be a multiple of the heads");
  shape.head = shape.model / shape.heads;
  shape.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.head)));
  elementsOf({shape.batch, shape.keys, shape.model});
  elementsOf({shape.batch, shape.heads, shape.queries, shape.keys});
  return shape;
}

// Rows of one head, and the stride between them.
struct Rows {
  const float* data;
  int64_t stride;
};

// `count` rows of one head of a [.., model] tensor, readable up to a multiple of a vector's columns: in place, or in
// `copy` with zeros after each row.
COLDSTART_INLINE Rows readableRows(const float* from, const Shape& shape, int64_t count, float* copy) {
  if (shape.head % kVector == 0) return {from, shape.model};
  const int64_t width = paddedWidth(shape.head);
  for (int64_t r = 0; r < count; r++) {
    for (int64_t i = 0; i < shape.head; i++) copy[r * width + i] = from[r * shape.model + i];
    for (int64_t i = shape.head; i < width; i++) copy[r * width + i] = 0.0f;
  }
  return {copy, width};
}

// The size of readableRows' copy.
int64_t copySize(const Shape& shape, int64_t count) {
  return shape.head % kVector == 0 ? 0 : count * paddedWidth(shape.head);
}

// One head of one sentence: its number, and where its columns and its keys begin.
struct Head {
  int64_t pair, sentence, column, keyStart;
};

COLDSTART_INLINE Head headOf(const Shape& shape, int64_t pair) {
  const int64_t sentence = pair / shape.heads;
  const int64_t column = pair % shape.heads * shape.head;
  return {pair, sentence, column, sentence * shape.keys * shape.model + column};
}

// Some of a head's queries: how many, in how many padded columns, where the first one is, and its number among those of
// all heads.
struct QueryBlock {
  int64_t rows, width, at, number;
};

COLDSTART_INLINE QueryBlock queriesFrom(const Shape& shape, const Head& head, int64_t first, int64_t most) {
  const int64_t rows = smaller(most, shape.queries - first);
  return {rows, paddedWidth(rows), (head.sentence * shape.queries + first) * shape.model + head.column,
          head.pair * shape.queries + first};
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

// Scores and probabilities are stored transposed, [keys, padded queries]: a vector holds one key's values for several
// queries, so that maxima and sums over the keys combine vectors and never the elements of one.

#if defined(__AVX512F__)
const IntVector kLanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif defined(__AVX2__)
const IntVector kLanes = {0, 1, 2, 3, 4, 5, 6, 7};
#else
const IntVector kLanes = {0, 1, 2, 3};
#endif

// How many keys each of a vector of queries from t on sees; 0 after the last query.
COLDSTART_INLINE IntVector visibleKeys(const Shape& shape, const int32_t* keyLengths, int64_t b, int64_t t) {
  const IntVector zero{};
  const int32_t visible = static_cast<int32_t>(smaller(larger(keyLengths[b], 0), shape.keys));
  const IntVector query = kLanes + static_cast<int32_t>(t);
  IntVector count = zero + visible;
  if (shape.causal) count = query + 1 < count ? query + 1 : count;
  return query < static_cast<int32_t>(shape.queries) ? count : zero;
}

// A vector of columns of scores → softmax of scale * score over the keys that each column's query sees, 0 elsewhere;
// returns the log-sum-exp, -inf where nothing is seen.
COLDSTART_INLINE Vector maskedSoftmax(float* column, int64_t keys, int64_t width, IntVector visible, float scale) {
  const Vector zero{};
  Vector most = zero - __builtin_inff();
  for (int64_t s = 0; s < keys; s++) {
    const Vector score = loadVector(column + s * width);
    const Vector candidate = score > most ? score : most;
    most = static_cast<int32_t>(s) < visible ? candidate : most;
  }
  const IntVector seesNone = visible < 1;
  const Vector peak = seesNone ? zero : most;
  Vector total = zero;
  for (int64_t s = 0; s < keys; s++) {
    const Vector all = expOf((loadVector(column + s * width) - peak) * scale);
    const Vector e = static_cast<int32_t>(s) < visible ? all : zero;
    storeVector(column + s * width, e);
    total += e;
  }
  const Vector inverse = 1.0f / (seesNone ? zero + 1.0f : total);
  for (int64_t s = 0; s < keys; s++) storeVector(column + s * width, loadVector(column + s * width) * inverse);
  return peak * scale + logOf(total);
}

// Random words for the probabilities of `rows` queries from `first` on, transposed like the probabilities.
struct Words {
  float* drawn;       // [rows, keys], as they are numbered
  float* transposed;  // [keys, padded rows]
};

int64_t wordsSize(const Draw& draw, int64_t rows, int64_t keys) {
  return draw.active ? paddedWidth(drawSpanSize(rows * keys)) + keys * paddedWidth(rows) : 0;
}

Words wordsIn(float* room, int64_t rows, int64_t keys) { return {room, room + paddedWidth(drawSpanSize(rows * keys))}; }

void drawBlock(const Draw& draw, int64_t first, int64_t rows, int64_t keys, const Words& words) {
  const uint32_t* drawn = drawSpan(draw, first, rows * keys, reinterpret_cast<uint32_t*>(words.drawn));
  transposeRows(reinterpret_cast<const float*>(drawn), keys, rows, keys, words.transposed, paddedWidth(rows));
}

// q [B*T, d], k, v [B*S, d], keyLengths [B] → out [B*T, d], logSumExp [B, H, T]. Attributes: B, T, S, H, causal, the
// draw.
void attention(Call& call) {
  const Tensor& q = call.floats(0);
  const Shape shape = shapeOf(call, q);
  const Draw draw = drawOf(call, 5);
  const float* k = call.floats(1, shape.batch * shape.keys * shape.model).f32();
  const float* v = call.floats(2, shape.batch * shape.keys * shape.model).f32();
  const int32_t* keyLengths = call.ints(3, shape.batch).i32();
  float* out = call.floats(4, q.size).f32();
  float* logSumExp = call.floats(5, shape.batch * shape.heads * shape.queries).f32();
  const int64_t block = smaller(kQueryBlock, shape.queries);
  const int64_t blockWidth = paddedWidth(block);
  const Workspace workspace = workspaceOf(
      call, (shape.head + shape.keys) * blockWidth + copySize(shape, shape.keys) + wordsSize(draw, block, shape.keys));
  parallelRows(shape.batch * shape.heads, shape.queries * shape.keys * 64, [=, &q, &shape, &draw](int64_t pair) {
    const Head head = headOf(shape, pair);
    const int64_t keyStart = head.keyStart;
    float* queriesT = workspace.mine();
    float* probabilities = queriesT + shape.head * blockWidth;
    float* copy = probabilities + shape.keys * blockWidth;
    const Words words = wordsIn(copy + copySize(shape, shape.keys), block, shape.keys);
    const Rows values = readableRows(v + keyStart, shape, shape.keys, copy);
    for (int64_t first = 0; first < shape.queries; first += block) {
      const auto [rows, width, at, number] = queriesFrom(shape, head, first, block);
      transposeRows(q.f32() + at, shape.model, rows, shape.head, queriesT, width);
      smallProduct<Left::kPlain>(k + keyStart, shape.model, queriesT, width, shape.keys, shape.head, width,
                                 probabilities, width);
      for (int64_t r = 0; r < rows; r += kVector) {
        const Vector logSum = maskedSoftmax(probabilities + r, shape.keys, width,
                                            visibleKeys(shape, keyLengths, head.sentence, first + r), shape.scale);
        storeLanes(logSumExp + number + r, logSum, rows - r);
      }
      if (draw.active) {
        drawBlock(draw, number * shape.keys, rows, shape.keys, words);
        for (int64_t i = 0; i < shape.keys * width; i += kVector)
          storeVector(probabilities + i, keptOf(draw, words.transposed + i, loadVector(probabilities + i)));
      }
      smallProduct<Left::kTransposed>(probabilities, width, values.data, values.stride, rows, shape.keys, shape.head,
                                      out + at, shape.model);
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
  // argument 5, the result, is for backends that sum over it where this one sums over the keys
  const float* logSumExp = call.floats(6, shape.batch * shape.heads * shape.queries).f32();
  float* dq = call.floats(7, dy.size).f32();
  float* dk = call.floats(8, keySize).f32();
  float* dv = call.floats(9, keySize).f32();
  const int64_t block = smaller(kQueryBlock, shape.queries);
  const int64_t blockWidth = paddedWidth(block);
  const int64_t sizes = (2 * shape.head + 3 * shape.keys) * blockWidth + 2 * copySize(shape, block) +
                        copySize(shape, shape.keys) + wordsSize(draw, block, shape.keys);
  const Workspace workspace = workspaceOf(call, sizes);
  parallelRows(shape.batch * shape.heads, shape.queries * shape.keys * 128, [=, &dy, &shape, &draw](int64_t pair) {
    const Head head = headOf(shape, pair);
    const int64_t keyStart = head.keyStart;
    float* queriesT = workspace.mine();
    float* dOutT = queriesT + shape.head * blockWidth;
    float* probabilities = dOutT + shape.head * blockWidth;
    float* dScores = probabilities + shape.keys * blockWidth;
    float* dropped = dScores + shape.keys * blockWidth;
    float* keyCopy = dropped + shape.keys * blockWidth;
    float* queryCopy = keyCopy + copySize(shape, shape.keys);
    float* dOutCopy = queryCopy + copySize(shape, block);
    const Words words = wordsIn(dOutCopy + copySize(shape, block), block, shape.keys);
    const Rows keys = readableRows(k + keyStart, shape, shape.keys, keyCopy);
    for (int64_t first = 0; first < shape.queries; first += block) {
      const auto [rows, width, at, number] = queriesFrom(shape, head, first, block);
      const Rows queries = readableRows(q + at, shape, rows, queryCopy);
      const Rows dOut = readableRows(dy.f32() + at, shape, rows, dOutCopy);
      transposeRows(q + at, shape.model, rows, shape.head, queriesT, width);
      transposeRows(dy.f32() + at, shape.model, rows, shape.head, dOutT, width);
      smallProduct<Left::kPlain>(k + keyStart, shape.model, queriesT, width, shape.keys, shape.head, width,
                                 probabilities, width);
      smallProduct<Left::kPlain>(v + keyStart, shape.model, dOutT, width, shape.keys, shape.head, width, dScores,
                                 width);
      if (draw.active) drawBlock(draw, number * shape.keys, rows, shape.keys, words);
      for (int64_t r = 0; r < rows; r += kVector) {
        const IntVector visible = visibleKeys(shape, keyLengths, head.sentence, first + r);
        const Vector logSum = loadLanes(logSumExp + number + r, rows - r);
        Vector along{};  // sum of p * dp over the keys
        for (int64_t s = 0; s < shape.keys; s++) {
          const int64_t i = s * width + r;
          const Vector all = expOf(loadVector(probabilities + i) * shape.scale - logSum);
          const Vector p = static_cast<int32_t>(s) < visible ? all : Vector{};
          Vector dp = loadVector(dScores + i);
          if (draw.active) {
            dp = keptOf(draw, words.transposed + i, dp);
            storeVector(dScores + i, dp);
            storeVector(dropped + i, keptOf(draw, words.transposed + i, p));
          }
          storeVector(probabilities + i, p);
          along += p * dp;
        }
        for (int64_t s = 0; s < shape.keys; s++) {
          const int64_t i = s * width + r;
          storeVector(dScores + i, loadVector(probabilities + i) * (loadVector(dScores + i) - along) * shape.scale);
        }
      }
      const float* kept = draw.active ? dropped : probabilities;
      smallProduct<Left::kTransposed>(dScores, width, keys.data, keys.stride, rows, shape.keys, shape.head, dq + at,
                                      shape.model);
      smallProduct<Left::kPlain>(dScores, width, queries.data, queries.stride, shape.keys, rows, shape.head,
                                 dk + keyStart, shape.model, first > 0);
      smallProduct<Left::kPlain>(kept, width, dOut.data, dOut.stride, shape.keys, rows, shape.head, dv + keyStart,
                                 shape.model, first > 0);
    }
    if (shape.queries == 0) {
      for (int64_t s = 0; s < shape.keys; s++) {
        for (int64_t i = 0; i < shape.head; i++)
          dk[keyStart + s * shape.model + i] = dv[keyStart + s * shape.model + i] = 0.0f;
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
