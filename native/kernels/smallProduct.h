// Products of matrices small enough to stay in a core's cache: the heads of attention.
#pragma once

#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

COLDSTART_INLINE int64_t paddedWidth(int64_t width) { return (width + kVector - 1) / kVector * kVector; }

template <int rows, int vectors>
COLDSTART_INLINE void productTile(const float* a, int64_t aRow, int64_t aStep, const float* b, int64_t bRow, int64_t inner, float* c, int64_t cRow, int64_t columns, bool accumulate) {
  Vector sums[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) sums[r][v] = Vector{} ;
  }
  for (int64_t k = 0; k < inner; k++) {
    Vector line[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) line[v] = *reinterpret_cast<const Vector*>(b + k * bRow + v * kVector);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      const float factor = a[r * aRow + k * aStep];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) sums[r][v] += factor * line[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
    float* out = c + r * cRow;
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      const int64_t left = columns - v * kVector;
      if (left >= kVector) {
        Vector* target = reinterpret_cast<Vector*>(out + v * kVector);
        *target = accumulate ? *target + sums[r][v] : sums[r][v];
      } else {
        for (int64_t i = 0; i < left; i++) out[v * kVector + i] = accumulate ? out[v * kVector + i] + sums[r][v][i] : sums[r][v][i];
      }
    }
  }
}

template <int vectors>
COLDSTART_INLINE void productStrip(const float* a, int64_t aRow, int64_t aStep, const float* b, int64_t bRow, int64_t rows, int64_t inner, float* c, int64_t cRow, int64_t columns, bool accumulate) {
  int64_t r = 0;
  for (; r + 6 <= rows; r += 6) productTile<6, vectors>(a + r * aRow, aRow, aStep, b, bRow, inner, c + r * cRow, cRow, columns, accumulate);
  for (; r + 2 <= rows; r += 2) productTile<2, vectors>(a + r * aRow, aRow, aStep, b, bRow, inner, c + r * cRow, cRow, columns, accumulate);
  for (; r < rows; r++) productTile<1, vectors>(a + r * aRow, aRow, aStep, b, bRow, inner, c + r * cRow, cRow, columns, accumulate);
}

// c [rows, columns] (+)= a [rows, inner] b [inner, columns]. Element (r, k) of a is a[r * aRow + k * aStep]; rows of b are
// readable up to a multiple of 16 columns; of c only `columns` are written.
inline void smallProduct(const float* a, int64_t aRow, int64_t aStep, const float* b, int64_t bRow, int64_t rows, int64_t inner, int64_t columns, float* c, int64_t cRow,
                         bool accumulate = false) {
  int64_t left = 0;
  for (; left + 2 * kVector <= paddedWidth(columns); left += 2 * kVector) {
    productStrip<2>(a, aRow, aStep, b + left, bRow, rows, inner, c + left, cRow, columns - left, accumulate);
  }
  for (; left < columns; left += kVector) {
    productStrip<1>(a, aRow, aStep, b + left, bRow, rows, inner, c + left, cRow, columns - left, accumulate);
  }
}

COLDSTART_KERNELS_END
