// One kernel moves data for slices, pads, tiles, concatenations, transposes, reversals and broadcasts: a copy between
// strided views.
#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

struct Views {
  int rank = 0;
  int64_t dims[kMaxRank * 2];
  int64_t from[kMaxRank * 2];
  int64_t to[kMaxRank * 2];
};

// Whether every element of the view is in [0, size).
bool isInside(int64_t offset, const int64_t* dims, const int64_t* strides, int rank, int64_t size) {
  int64_t least = offset;
  int64_t most = offset;
  for (int d = 0; d < rank; d++) {
    const int64_t reach = (dims[d] - 1) * strides[d];
    (reach < 0 ? least : most) += reach;
  }
  return least >= 0 && most < size;
}

// A transposed copy in square blocks, so that both sides use whole cache lines.
template <typename T>
COLDSTART_INLINE void copyTransposed(const T* from, int64_t fromRow, T* to, int64_t toColumn, int64_t rows,
                                     int64_t columns) {
  constexpr int64_t kBlock = 16;
  for (int64_t top = 0; top < rows; top += kBlock) {
    const int64_t bottom = smaller(top + kBlock, rows);
    for (int64_t left = 0; left < columns; left += kBlock) {
      const int64_t right = smaller(left + kBlock, columns);
      for (int64_t c = left; c < right; c++) {
        for (int64_t r = top; r < bottom; r++) to[r + c * toColumn] = from[r * fromRow + c];
      }
    }
  }
}

// The last dimension.
template <typename T>
COLDSTART_INLINE void copyLine(const T* from, int64_t fromStride, T* to, int64_t toStride, int64_t count) {
  if (fromStride == 1 && toStride == 1) {
    __builtin_memcpy(to, from, count * sizeof(T));
  } else if (fromStride == 0 && toStride == 1) {
    const T value = from[0];
    for (int64_t i = 0; i < count; i++) to[i] = value;
  } else {
    for (int64_t i = 0; i < count; i++) to[i * toStride] = from[i * fromStride];
  }
}

template <typename T>
void copyViews(const T* from, T* to, const Views& views, int64_t total) {
  const int inner = views.rank - 1;
  const int64_t width = views.dims[inner];
  const bool isTranspose =
      views.rank >= 2 && views.to[inner] == 1 && views.from[inner] != 1 && views.from[inner - 1] == 1;
  const int lead = isTranspose ? inner - 1 : inner;
  int64_t lines = 1;
  for (int d = 0; d < lead; d++) lines *= views.dims[d];
  if (isTranspose && lines == 1) {
    // one large matrix: its output rows are split over threads
    const int64_t fromRow = views.from[inner];
    const int64_t toColumn = views.to[inner - 1];
    parallelRanges(views.dims[inner - 1], 16, total >= kSerialElements, [=](int64_t begin, int64_t end) {
      copyTransposed(from + begin, fromRow, to + begin * toColumn, toColumn, width, end - begin);
    });
    return;
  }
  if (views.rank == 1) {
    parallelElements(width, [=, &views](int64_t begin, int64_t end) {
      copyLine(from + begin * views.from[0], views.from[0], to + begin * views.to[0], views.to[0], end - begin);
    });
    return;
  }
  parallelRanges(lines, 1, total >= kSerialElements, [=, &views](int64_t begin, int64_t end) {
    int64_t index[kMaxRank * 2];
    int64_t rest = begin;
    const T* source = from;
    T* target = to;
    for (int d = lead - 1; d >= 0; d--) {
      index[d] = rest % views.dims[d];
      rest /= views.dims[d];
      source += index[d] * views.from[d];
      target += index[d] * views.to[d];
    }
    for (int64_t line = begin; line < end; line++) {
      if (isTranspose) {
        copyTransposed(source, views.from[inner], target, views.to[inner - 1], width, views.dims[inner - 1]);
      } else {
        copyLine(source, views.from[inner], target, views.to[inner], width);
      }
      for (int d = lead - 1; d >= 0; d--) {
        source += views.from[d];
        target += views.to[d];
        if (++index[d] < views.dims[d]) break;
        source -= views.from[d] * views.dims[d];
        target -= views.to[d] * views.dims[d];
        index[d] = 0;
      }
    }
  });
}

// input, output; attributes: input offset, output offset, rank, then dims, input strides, output strides.
// Output elements must be distinct; the TypeScript side ensures it.
void copy(Call& call) {
  const Tensor& in = call.tensor(0);
  Tensor& out = call.tensor(1);
  require(in.dtype == out.dtype, "input and output differ in type");
  const int64_t inOffset = call.integer(0);
  const int64_t outOffset = call.integer(1);
  const int64_t rank = call.integer(2);
  require(rank >= 0 && rank <= kMaxRank * 2, "too many dimensions");
  Views views;
  int64_t total = 1;
  for (int64_t d = 0; d < rank; d++) {
    const int64_t dim = call.integer(static_cast<int>(3 + d));
    const int64_t from = call.integer(static_cast<int>(3 + rank + d));
    const int64_t to = call.integer(static_cast<int>(3 + 2 * rank + d));
    total = elementsOf({total, dim});
    elementsOf({dim, from < 0 ? -from : from});
    elementsOf({dim, to < 0 ? -to : to});
    if (dim == 1) continue;
    const int last = views.rank - 1;
    if (last >= 0 && views.from[last] == from * dim && views.to[last] == to * dim) {
      views.dims[last] *= dim;
      views.from[last] = from;
      views.to[last] = to;
    } else {
      views.dims[views.rank] = dim;
      views.from[views.rank] = from;
      views.to[views.rank] = to;
      views.rank += 1;
    }
  }
  if (total == 0) return;
  if (views.rank == 0) {
    views.rank = 1;
    views.dims[0] = 1;
    views.from[0] = views.to[0] = 1;
  }
  require(isInside(inOffset, views.dims, views.from, views.rank, in.size), "the view leaves the input");
  require(isInside(outOffset, views.dims, views.to, views.rank, out.size), "the view leaves the output");
  if (in.dtype == kBool) {
    copyViews(in.u8() + inOffset, out.u8() + outOffset, views, total);
  } else {
    copyViews(in.i32() + inOffset, out.i32() + outOffset, views, total);
  }
}

}  // namespace

void registerMovement(KernelTable& table) { add(table, "Copy", copy); }

COLDSTART_KERNELS_END
