// Gathering and scattering by integer positions. Sums go in the order of the positions: the same bits on every run.
#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

template <typename T>
COLDSTART_INLINE void copyItems(const T* from, T* to, int64_t count) {
  __builtin_memcpy(to, from, count * sizeof(T));
}

void checkPositions(const Tensor& positions, int64_t limit) {
  int32_t least = 0;
  int32_t most = 0;
  const int32_t* at = positions.i32();
  for (int64_t i = 0; i < positions.size; i++) {
    least = at[i] < least ? at[i] : least;
    most = at[i] > most ? at[i] : most;
  }
  if (positions.size > 0 && (least < 0 || most >= limit))
    failPosition("GatherV2: the index value", least < 0 ? least : most, limit - 1);
}

// x [batch, outer, dim, inner], indices [batch, count] → [batch, outer, count, inner]; attributes: batch, outer, dim,
// inner, count
template <typename T>
void gatherItems(const T* x, const int32_t* indices, T* out, int64_t batch, int64_t outer, int64_t dim, int64_t inner,
                 int64_t count) {
  parallelRows(batch * outer * count, inner, [=](int64_t row) {
    const int64_t position = row % count;
    const int64_t group = row / count;
    const int64_t at = indices[group / outer * count + position];
    copyItems(x + (group * dim + at) * inner, out + row * inner, inner);
  });
}

void gather(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& indices = call.ints(1);
  Tensor& out = call.tensor(2);
  const int64_t batch = call.integer(0), outer = call.integer(1), dim = call.integer(2), inner = call.integer(3),
                count = call.integer(4);
  require(x.dtype == out.dtype, "input and output differ in type");
  require(elementsOf({batch, outer, dim, inner}) == x.size && elementsOf({batch, count}) == indices.size &&
              elementsOf({batch, outer, count, inner}) == out.size,
          "the sizes do not fit");
  if (out.size == 0) return;
  checkPositions(indices, dim);
  if (x.dtype == kBool) {
    gatherItems(x.u8(), indices.i32(), out.u8(), batch, outer, dim, inner, count);
  } else {
    gatherItems(x.i32(), indices.i32(), out.i32(), batch, outer, dim, inner, count);
  }
}

// x [rows, inner], ids [rows] → [segments, inner] sums; attribute: inner. Ids outside [0, segments) are left out.
// Threads split the columns, or for narrow rows one thread does all: each sum has one writer and one order.
void segmentSum(Call& call) {
  const Tensor& x = call.floats(0);
  const Tensor& ids = call.ints(1);
  Tensor& out = call.floats(2);
  const int64_t inner = call.integer(0);
  require(elementsOf({ids.size, inner}) == x.size, "the sizes do not fit");
  if (out.size == 0) return;
  require(inner > 0 && out.size % inner == 0, "the sizes do not fit");
  const int64_t segments = out.size / inner;
  parallelRanges(inner, 16, x.size + out.size >= kSerialElements, [&](int64_t begin, int64_t end) {
    for (int64_t s = 0; s < segments; s++) {
      for (int64_t c = begin; c < end; c++) out.f32()[s * inner + c] = 0.0f;
    }
    for (int64_t row = 0; row < ids.size; row++) {
      const int64_t segment = ids.i32()[row];
      if (segment < 0 || segment >= segments) continue;
      const float* from = x.f32() + row * inner;
      float* to = out.f32() + segment * inner;
#pragma omp simd
      for (int64_t c = begin; c < end; c++) to[c] += from[c];
    }
  });
}

// The row that a line of indices points at. Attributes from `first` on: depth, then one stride (in rows) and one limit
// per index.
struct RowIndex {
  int64_t depth;
  int64_t strides[kMaxRank];
  int64_t limits[kMaxRank];
};

RowIndex rowIndexOf(Call& call, int first) {
  RowIndex index{};
  index.depth = call.integer(first);
  require(index.depth >= 0 && index.depth <= kMaxRank, "the indices have too many columns");
  for (int64_t d = 0; d < index.depth; d++) {
    index.strides[d] = call.integer(first + 1 + static_cast<int>(d));
    index.limits[d] = call.integer(first + 1 + static_cast<int>(index.depth + d));
    elementsOf({index.strides[d], index.limits[d]});
  }
  return index;
}

int64_t rowAt(const RowIndex& index, const int32_t* line) {
  int64_t row = 0;
  for (int64_t d = 0; d < index.depth; d++) {
    require(line[d] >= 0 && line[d] < index.limits[d], "an index is outside the shape it points into");
    row += line[d] * index.strides[d];
  }
  return row;
}

// x, indices [count, depth] → [count, inner]; attributes: inner, then the row index
void gatherNd(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& indices = call.ints(1);
  Tensor& out = call.tensor(2);
  const int64_t inner = call.integer(0);
  const RowIndex index = rowIndexOf(call, 1);
  require(x.dtype == out.dtype && x.dtype != kBool, "input and output must share a type of four bytes");
  if (out.size == 0) return;
  require(inner > 0 && out.size % inner == 0, "the sizes do not fit");
  const int64_t count = out.size / inner;
  require(elementsOf({count, index.depth}) == indices.size, "the indices do not fit the output");
  for (int64_t i = 0; i < count; i++) {
    const int64_t row = rowAt(index, indices.i32() + i * index.depth);
    require(row < x.size / inner, "an index is outside the input");
    copyItems(x.i32() + row * inner, out.i32() + i * inner, inner);
  }
}

// indices [count, depth], updates [count, inner] → sums at the indexed rows of zeros; attributes: inner, then the row
// index
void scatterNd(Call& call) {
  const Tensor& indices = call.ints(0);
  const Tensor& updates = call.floats(1);
  Tensor& out = call.floats(2);
  const int64_t inner = call.integer(0);
  const RowIndex index = rowIndexOf(call, 1);
  parallelElements(out.size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) out.f32()[i] = 0.0f;
  });
  if (updates.size == 0 || out.size == 0) return;
  require(inner > 0 && updates.size % inner == 0, "the sizes do not fit");
  const int64_t count = updates.size / inner;
  require(elementsOf({count, index.depth}) == indices.size, "the indices do not fit the updates");
  int64_t* rows = static_cast<int64_t*>(call.scratch(count * 8));
  for (int64_t i = 0; i < count; i++) {
    rows[i] = rowAt(index, indices.i32() + i * index.depth);
    require(rows[i] < out.size / inner, "an index is outside the output");
  }
  parallelRanges(inner, 16, updates.size >= kSerialElements, [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < count; i++) {
      const float* from = updates.f32() + i * inner;
      float* to = out.f32() + rows[i] * inner;
#pragma omp simd
      for (int64_t c = begin; c < end; c++) to[c] += from[c];
    }
  });
}

// indices → [count, depth]; attributes: depth, on, off
void oneHot(Call& call) {
  const Tensor& indices = call.ints(0);
  Tensor& out = call.floats(1);
  const int64_t depth = call.integer(0);
  const float on = static_cast<float>(call.attr(1));
  const float off = static_cast<float>(call.attr(2));
  require(elementsOf({indices.size, depth}) == out.size, "the sizes do not fit");
  parallelRows(indices.size, depth, [&](int64_t row) {
    float* to = out.f32() + row * depth;
    for (int64_t i = 0; i < depth; i++) to[i] = off;
    const int64_t at = indices.i32()[row];
    if (at >= 0 && at < depth) to[at] = on;
  });
}

}  // namespace

void registerIndexing(KernelTable& table) {
  add(table, "Gather", gather);
  add(table, "GatherNd", gatherNd);
  add(table, "ScatterNd", scatterNd);
  add(table, "SegmentSum", segmentSum);
  add(table, "OneHot", oneHot);
}

COLDSTART_KERNELS_END
