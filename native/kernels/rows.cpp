// Softmax, log-softmax and top-k along the last dimension; attribute: its width.
#include <algorithm>

#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

COLDSTART_INLINE float rowMax(const float* x, int64_t width) {
  float most = -__builtin_inff();
#pragma omp simd reduction(max : most)
  for (int64_t i = 0; i < width; i++) most = x[i] > most ? x[i] : most;
  return most;
}

int64_t rowsOf(const Tensor& x, int64_t width) {
  require(width > 0 && x.size % width == 0, "the width does not divide the size");
  return x.size / width;
}

void softmax(Call& call) {
  const Tensor& x = call.floats(0);
  Tensor& out = call.floats(1, x.size);
  const int64_t width = call.integer(0);
  if (x.size == 0) return;
  parallelRows(rowsOf(x, width), width * 8, [&](int64_t row) {
    const float* from = x.f32() + row * width;
    float* to = out.f32() + row * width;
    const float most = rowMax(from, width);
    float total = 0.0f;
#pragma omp simd reduction(+ : total)
    for (int64_t i = 0; i < width; i++) {
      const float e = vectorExp(from[i] - most);
      to[i] = e;
      total += e;
    }
    const float scale = 1.0f / total;
#pragma omp simd
    for (int64_t i = 0; i < width; i++) to[i] *= scale;
  });
}

void logSoftmax(Call& call) {
  const Tensor& x = call.floats(0);
  Tensor& out = call.floats(1, x.size);
  const int64_t width = call.integer(0);
  if (x.size == 0) return;
  parallelRows(rowsOf(x, width), width * 8, [&](int64_t row) {
    const float* from = x.f32() + row * width;
    float* to = out.f32() + row * width;
    const float most = rowMax(from, width);
    float total = 0.0f;
#pragma omp simd reduction(+ : total)
    for (int64_t i = 0; i < width; i++) total += vectorExp(from[i] - most);
    const float logSum = most + ::logf(total);
#pragma omp simd
    for (int64_t i = 0; i < width; i++) to[i] = from[i] - logSum;
  });
}

// x → of each row the logarithm of the sum of its exponentials
void rowLogSumExp(Call& call) {
  const Tensor& x = call.floats(0);
  const int64_t width = call.integer(0);
  const int64_t rows = rowsOf(x, width);
  float* out = call.floats(1, rows).f32();
  parallelRows(rows, width * 8, [=, &x](int64_t row) {
    const float* from = x.f32() + row * width;
    const float most = rowMax(from, width);
    float total = 0.0f;
#pragma omp simd reduction(+ : total)
    for (int64_t i = 0; i < width; i++) total += vectorExp(from[i] - most);
    out[row] = most + ::logf(total);
  });
}

// x → values, indices: the k largest of each row, largest first, equal ones by position. Attributes: width, k.
template <typename T>
void topK(Call& call) {
  const Tensor& x = call.tensor(0);
  Tensor& values = call.tensor(1);
  Tensor& indices = call.ints(2, values.size);
  const int64_t width = call.integer(0);
  const int64_t k = call.integer(1);
  if (x.size == 0 || k == 0) return;
  require(x.dtype == values.dtype && x.dtype != kBool, "values must have the input's type");
  const int64_t rows = rowsOf(x, width);
  require(k > 0 && k <= width && values.size == rows * k, "k does not fit the output");
  int32_t* order = static_cast<int32_t*>(call.scratch(x.size * 4));
  parallelRows(rows, width, [&](int64_t row) {
    const T* from = static_cast<const T*>(x.data) + row * width;
    int32_t* at = order + row * width;
    const auto before = [from](int32_t a, int32_t b) { return from[a] > from[b] || (!(from[a] < from[b]) && a < b); };
    int64_t kept = 0;
    if (k <= 16) {
      // insertion into a short sorted list: most elements fail the first comparison
      for (int32_t i = 0; i < width; i++) {
        if (kept == k && !(from[i] > from[at[k - 1]])) continue;
        int64_t place = kept < k ? kept++ : k - 1;
        for (; place > 0 && from[i] > from[at[place - 1]]; place--) at[place] = at[place - 1];
        at[place] = i;
      }
    } else {
      for (int32_t i = 0; i < width; i++) at[i] = i;
      std::partial_sort(at, at + k, at + width, before);
    }
    for (int64_t i = 0; i < k; i++) {
      static_cast<T*>(values.data)[row * k + i] = from[at[i]];
      indices.i32()[row * k + i] = at[i];
    }
  });
}

}  // namespace

void registerRows(KernelTable& table) {
  add(table, "Softmax", softmax);
  add(table, "LogSoftmax", logSoftmax);
  add(table, "RowLogSumExp", rowLogSumExp);
  add(table, "TopK", topK<float>);
  add(table, "IntTopK", topK<int32_t>);
}

COLDSTART_KERNELS_END
