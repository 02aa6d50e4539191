// Reductions of [outer, count, inner] over the middle dimension, and running sums along rows.
// Every sum adds blocks of a fixed size in order, so that its bits do not depend on the thread count.
#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

struct Layout {
  int64_t outer, count, inner;
};

Layout layoutOf(Call& call, const Tensor& x, const Tensor& out) {
  const Layout layout{call.integer(0), call.integer(1), call.integer(2)};
  require(elementsOf({layout.outer, layout.count, layout.inner}) == x.size,
          "outer * count * inner is not the input's size");
  require(elementsOf({layout.outer, layout.inner}) == out.size, "outer * inner is not the output's size");
  return layout;
}

struct SumOf {
  COLDSTART_INLINE static float start() { return 0.0f; }
  COLDSTART_INLINE static float merge(float a, float b) { return a + b; }
};
struct ProdOf {
  COLDSTART_INLINE static float start() { return 1.0f; }
  COLDSTART_INLINE static float merge(float a, float b) { return a * b; }
};
// NaN wins in both: the comparison keeps b when it is NaN, and a NaN in a stays because no comparison with it holds
struct MaxOf {
  COLDSTART_INLINE static float start() { return -__builtin_inff(); }
  COLDSTART_INLINE static float merge(float a, float b) { return (b > a || b != b) ? b : a; }
};
struct MinOf {
  COLDSTART_INLINE static float start() { return __builtin_inff(); }
  COLDSTART_INLINE static float merge(float a, float b) { return (b < a || b != b) ? b : a; }
};

constexpr int kLanes = 32;

// 32 running values, merged in a fixed tree: the compiler may keep them in vector registers of any width.
template <typename R>
COLDSTART_INLINE float reduceBlock(const float* x, int64_t count) {
  float lanes[kLanes];
  for (int l = 0; l < kLanes; l++) lanes[l] = R::start();
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
#pragma omp simd
    for (int l = 0; l < kLanes; l++) lanes[l] = R::merge(lanes[l], x[i + l]);
  }
  for (int l = 0; i < count; i++, l++) lanes[l] = R::merge(lanes[l], x[i]);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int l = 0; l < width; l++) lanes[l] = R::merge(lanes[l], lanes[l + width]);
  }
  return lanes[0];
}

constexpr int64_t kBlock = 8192;

template <typename R>
float reduceRow(const float* x, int64_t count) {
  float total = reduceBlock<R>(x, smaller(count, kBlock));
  for (int64_t start = kBlock; start < count; start += kBlock) {
    total = R::merge(total, reduceBlock<R>(x + start, smaller(kBlock, count - start)));
  }
  return total;
}

// Columns [from, to) of one [count, inner] matrix; rows in blocks, so that long sums keep their precision.
template <typename R>
void reduceColumns(const float* x, float* out, int64_t count, int64_t inner, int64_t from, int64_t to) {
  constexpr int64_t kRows = 64;
  constexpr int64_t kColumns = 128;
  for (int64_t left = from; left < to; left += kColumns) {
    const int64_t width = smaller(kColumns, to - left);
    float total[kColumns];
    for (int64_t c = 0; c < width; c++) total[c] = R::start();
    for (int64_t top = 0; top < count; top += kRows) {
      const int64_t bottom = smaller(top + kRows, count);
      float part[kColumns];
      for (int64_t c = 0; c < width; c++) part[c] = R::start();
      for (int64_t row = top; row < bottom; row++) {
        const float* line = x + row * inner + left;
#pragma omp simd
        for (int64_t c = 0; c < width; c++) part[c] = R::merge(part[c], line[c]);
      }
#pragma omp simd
      for (int64_t c = 0; c < width; c++) total[c] = R::merge(total[c], part[c]);
    }
    for (int64_t c = 0; c < width; c++) out[left + c] = total[c];
  }
}

template <typename R>
void reduce(Call& call) {
  const Tensor& x = call.floats(0);
  Tensor& out = call.floats(1);
  const Layout layout = layoutOf(call, x, out);
  if (out.size == 0) return;
  const float* from = x.f32();
  float* to = out.f32();
  if (layout.inner == 1 && layout.outer == 1 && layout.count > kBlock) {
    const int64_t blocks = (layout.count + kBlock - 1) / kBlock;
    float* parts = call.scratchFloats(blocks);
    parallelRows(blocks, kBlock, [=](int64_t b) {
      parts[b] = reduceBlock<R>(from + b * kBlock, smaller(kBlock, layout.count - b * kBlock));
    });
    float total = parts[0];
    for (int64_t b = 1; b < blocks; b++) total = R::merge(total, parts[b]);
    to[0] = total;
  } else if (layout.inner == 1) {
    parallelRows(layout.outer, layout.count,
                 [=](int64_t row) { to[row] = reduceRow<R>(from + row * layout.count, layout.count); });
  } else if (layout.outer == 1) {
    parallelRanges(layout.inner, 16, x.size >= kSerialElements, [=](int64_t begin, int64_t end) {
      reduceColumns<R>(from, to, layout.count, layout.inner, begin, end);
    });
  } else {
    parallelRows(layout.outer, layout.count * layout.inner, [=](int64_t o) {
      reduceColumns<R>(from + o * layout.count * layout.inner, to + o * layout.inner, layout.count, layout.inner, 0,
                       layout.inner);
    });
  }
}

template <int32_t (*merge)(int32_t, int32_t), int32_t start>
void intReduce(Call& call) {
  const Tensor& x = call.ints(0);
  Tensor& out = call.ints(1);
  const Layout layout = layoutOf(call, x, out);
  parallelRows(out.size, layout.count, [&](int64_t i) {
    const int32_t* from = x.i32() + i / layout.inner * layout.count * layout.inner + i % layout.inner;
    int32_t total = start;
    for (int64_t j = 0; j < layout.count; j++) total = merge(total, from[j * layout.inner]);
    out.i32()[i] = total;
  });
}

COLDSTART_INLINE int32_t intSumOf(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}
COLDSTART_INLINE int32_t intMaxOf(int32_t a, int32_t b) { return a > b ? a : b; }
COLDSTART_INLINE int32_t intMinOf(int32_t a, int32_t b) { return a < b ? a : b; }

template <bool any>
void boolReduce(Call& call) {
  const Tensor& x = call.bools(0);
  Tensor& out = call.bools(1);
  const Layout layout = layoutOf(call, x, out);
  parallelRows(out.size, layout.count, [&](int64_t i) {
    const uint8_t* from = x.u8() + i / layout.inner * layout.count * layout.inner + i % layout.inner;
    bool found = !any;
    for (int64_t j = 0; j < layout.count; j++)
      found = any ? (found || from[j * layout.inner] != 0) : (found && from[j * layout.inner] != 0);
    out.u8()[i] = found;
  });
}

// The first position of the extreme; NaN counts as the extreme, as in the cpu backend only when it comes first.
template <bool largest>
void argExtreme(Call& call) {
  const Tensor& x = call.floats(0);
  Tensor& out = call.ints(1);
  const Layout layout = layoutOf(call, x, out);
  require(layout.count > 0 || out.size == 0, "there is no extreme of nothing");
  parallelRows(out.size, layout.count, [&](int64_t i) {
    const float* from = x.f32() + i / layout.inner * layout.count * layout.inner + i % layout.inner;
    float best = from[0];
    int32_t at = 0;
    for (int64_t j = 1; j < layout.count; j++) {
      const float value = from[j * layout.inner];
      if (largest ? value > best : value < best) {
        best = value;
        at = static_cast<int32_t>(j);
      }
    }
    out.i32()[i] = at;
  });
}

// Running sums or products along the last dimension; attributes: width, exclusive, reverse.
template <bool product>
void cumulative(Call& call) {
  const Tensor& x = call.floats(0);
  Tensor& out = call.floats(1, x.size);
  const int64_t width = call.integer(0);
  const bool exclusive = call.integer(1) != 0;
  const bool reverse = call.integer(2) != 0;
  if (x.size == 0) return;
  require(width > 0 && x.size % width == 0, "the width does not divide the size");
  parallelRows(x.size / width, width, [&](int64_t row) {
    const float* from = x.f32() + row * width;
    float* to = out.f32() + row * width;
    float total = product ? 1.0f : 0.0f;
    for (int64_t i = 0; i < width; i++) {
      const int64_t at = reverse ? width - 1 - i : i;
      const float before = total;
      total = product ? total * from[at] : total + from[at];
      to[at] = exclusive ? before : total;
    }
  });
}

}  // namespace

void registerReduce(KernelTable& table) {
  add(table, "Sum", reduce<SumOf>);
  add(table, "Prod", reduce<ProdOf>);
  add(table, "Max", reduce<MaxOf>);
  add(table, "Min", reduce<MinOf>);
  add(table, "IntSum", intReduce<intSumOf, 0>);
  add(table, "IntMax", intReduce<intMaxOf, INT32_MIN>);
  add(table, "IntMin", intReduce<intMinOf, INT32_MAX>);
  add(table, "Any", boolReduce<true>);
  add(table, "All", boolReduce<false>);
  add(table, "ArgMax", argExtreme<true>);
  add(table, "ArgMin", argExtreme<false>);
  add(table, "Cumsum", cumulative<false>);
  add(table, "Cumprod", cumulative<true>);
}

COLDSTART_KERNELS_END
