// Attention of one new token per hypothesis to the tokens before it. Keys and values stay where each step left them: a
// table says which row of which step every hypothesis descends from, so that nothing is copied when hypotheses branch
// or end.
#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

constexpr int64_t kMaxSteps = 1 << 16;

// Heads are 32 or 64 wide in nearly every model: whole vectors, without the remainder loops of any width.
COLDSTART_INLINE float dotOf(const float* x, const float* y, int64_t size) {
  if (size % kVector == 0) {
    Vector sum = loadVector(x) * loadVector(y);
    for (int64_t i = kVector; i < size; i += kVector) sum += loadVector(x + i) * loadVector(y + i);
    return sumOf(sum);
  }
  float dot = 0.0f;
  for (int64_t i = 0; i < size; i++) dot += x[i] * y[i];
  return dot;
}

COLDSTART_INLINE void addScaled(float* to, float factor, const float* x, int64_t size) {
  if (size % kVector == 0) {
    for (int64_t i = 0; i < size; i += kVector) storeVector(to + i, loadVector(to + i) + factor * loadVector(x + i));
    return;
  }
  for (int64_t i = 0; i < size; i++) to[i] += factor * x[i];
}

// q [R, d], ancestors [R, L], then for each of the L steps its keys [Rt, d], then for each its values → out [R, d].
// Attribute: heads.
void cachedAttention(Call& call) {
  const Tensor& q = call.floats(0);
  const Tensor& ancestors = call.ints(1);
  const int64_t heads = call.integer(0);
  require(q.rank == 2 && ancestors.rank == 2 && ancestors.dims[0] == q.dims[0],
          "expected q [R, d] and ancestors [R, L]");
  const int64_t rows = q.dims[0], width = q.dims[1], steps = ancestors.dims[1];
  require(steps > 0 && steps <= kMaxSteps && heads > 0 && width > 0 && width % heads == 0,
          "d must be a positive multiple of the heads");
  require(call.tensorCount() == 3 + 2 * steps, "expected keys and values for every step");
  const int count = static_cast<int>(steps);
  const float** keys = static_cast<const float**>(call.scratch(2 * steps * static_cast<int64_t>(sizeof(float*))));
  const float** values = keys + steps;
  for (int t = 0; t < count; t++) {
    const Tensor& k = call.floats(2 + t);
    require(k.rank == 2 && k.dims[1] == width, "keys must be [Rt, d]");
    keys[t] = k.f32();
    values[t] = call.floats(2 + count + t, k.size).f32();
    for (int64_t row = 0; row < rows; row++) {
      const int64_t ancestor = ancestors.i32()[row * steps + t];
      if (ancestor < 0 || ancestor >= k.dims[0]) failPosition("ancestor", ancestor, k.dims[0] - 1);
    }
  }
  Tensor& out = call.floats(2 + 2 * count, q.size);
  const int64_t head = width / heads;
  const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head)));
  float* scratch = call.scratchFloats(omp_get_max_threads() * heads * steps);
  parallelRows(rows, steps * width * 4, [=, &q, &ancestors, &out](int64_t row) {
    const float* query = q.f32() + row * width;
    const int32_t* ancestor = ancestors.i32() + row * steps;
    float* scores = scratch + omp_get_thread_num() * heads * steps;  // [heads, steps]
    for (int64_t t = 0; t < steps; t++) {
      const float* key = keys[t] + ancestor[t] * width;
      for (int64_t h = 0; h < heads; h++) scores[h * steps + t] = dotOf(query + h * head, key + h * head, head) * scale;
    }
    for (int64_t h = 0; h < heads; h++) {
      float* line = scores + h * steps;
      float most = line[0];
      for (int64_t t = 1; t < steps; t++) most = line[t] > most ? line[t] : most;
      float total = 0.0f;
#pragma omp simd reduction(+ : total)
      for (int64_t t = 0; t < steps; t++) {
        line[t] = vectorExp(line[t] - most);
        total += line[t];
      }
      const float share = 1.0f / total;
      for (int64_t t = 0; t < steps; t++) line[t] *= share;
    }
    float* to = out.f32() + row * width;
    for (int64_t i = 0; i < width; i++) to[i] = 0.0f;
    for (int64_t t = 0; t < steps; t++) {
      const float* value = values[t] + ancestor[t] * width;
      for (int64_t h = 0; h < heads; h++) addScaled(to + h * head, scores[h * steps + t], value + h * head, head);
    }
  });
}

}  // namespace

void registerCachedAttention(KernelTable& table) { add(table, "CachedAttention", cachedAttention); }

COLDSTART_KERNELS_END
