// Products of matrices small enough to stay in a core's cache: the heads of attention.
#pragma once

#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

COLDSTART_INLINE int64_t paddedWidth(int64_t width) { return (width + kVector - 1) / kVector * kVector; }

// The layout of the left operand: element (r, k) at a[r * stride + k], or transposed at a[k * stride + r].
enum class Left { kPlain, kTransposed };

// The tile whose sums fill most of the registers.
#if defined(__AVX512F__)
constexpr int kTileRows = 8, kTileVectors = 2;
#elif defined(__AVX2__)
constexpr int kTileRows = 6, kTileVectors = 2;
#else
constexpr int kTileRows = 3, kTileVectors = 4;
#endif

// One tile of c, `vectors` wide; of the last vector only `tail` columns are written. A separate function, so that
// nothing but the tile competes for registers.
template <Left left, int rows, int vectors>
__attribute__((noinline)) void productTile(const float* a, int64_t stride, const float* b, int64_t bRow, int64_t inner,
                                           float* c, int64_t cRow, int64_t tail, bool accumulate) {
  Vector sums[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) sums[r][v] = Vector{};
  }
  for (int64_t k = 0; k < inner; k++) {
    Vector line[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) line[v] = loadVector(b + v * kVector);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      const float factor = left == Left::kPlain ? a[r * stride] : a[r];
#pragma GCC unroll 8
      for (int v = 0; v < vectors; v++) sums[r][v] += factor * line[v];
    }
    a += left == Left::kPlain ? 1 : stride;
    b += bRow;
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) {
      float* out = c + r * cRow + v * kVector;
      const int64_t count = v + 1 < vectors ? kVector : tail;
      storeLanes(out, accumulate ? loadLanes(out, count) + sums[r][v] : sums[r][v], count);
    }
  }
}

template <Left left, int vectors>
COLDSTART_INLINE void productStrip(const float* a, int64_t stride, const float* b, int64_t bRow, int64_t rows,
                                   int64_t inner, float* c, int64_t cRow, int64_t tail, bool accumulate) {
  constexpr int half = kTileRows / 2;
  const int64_t aRow = left == Left::kPlain ? stride : 1;
  int64_t r = 0;
  for (; r + kTileRows <= rows; r += kTileRows)
    productTile<left, kTileRows, vectors>(a + r * aRow, stride, b, bRow, inner, c + r * cRow, cRow, tail, accumulate);
  for (; r + half <= rows; r += half)
    productTile<left, half, vectors>(a + r * aRow, stride, b, bRow, inner, c + r * cRow, cRow, tail, accumulate);
  for (; r < rows; r++)
    productTile<left, 1, vectors>(a + r * aRow, stride, b, bRow, inner, c + r * cRow, cRow, tail, accumulate);
}

// c [rows, columns] (+)= a [rows, inner] b [inner, columns]. Rows of b are readable up to a multiple of a vector's
// columns; of c only `columns` are written.
template <Left left>
void smallProduct(const float* a, int64_t stride, const float* b, int64_t bRow, int64_t rows, int64_t inner,
                  int64_t columns, float* c, int64_t cRow, bool accumulate = false) {
  constexpr int64_t width = kTileVectors * kVector;
  int64_t at = 0;
  for (; at + width - kVector < columns; at += width) {
    productStrip<left, kTileVectors>(a, stride, b + at, bRow, rows, inner, c + at, cRow,
                                     smaller(columns - at - (width - kVector), kVector), accumulate);
  }
  for (; at < columns; at += kVector)
    productStrip<left, 1>(a, stride, b + at, bRow, rows, inner, c + at, cRow, smaller(columns - at, kVector),
                          accumulate);
}

COLDSTART_KERNELS_END
