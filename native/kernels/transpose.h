// Transposes of matrices small enough to stay in a core's cache.
#pragma once

#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

#if defined(__AVX512F__)

// Sixteen rows of sixteen → their columns, by exchanging blocks of 1, 2, 4 and 8 elements.
COLDSTART_INLINE void transposeTile(__m512i* rows) {
  __m512i next[16];
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) {
    next[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
    next[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    rows[4 * i] = _mm512_unpacklo_epi64(next[4 * i], next[4 * i + 2]);
    rows[4 * i + 1] = _mm512_unpackhi_epi64(next[4 * i], next[4 * i + 2]);
    rows[4 * i + 2] = _mm512_unpacklo_epi64(next[4 * i + 1], next[4 * i + 3]);
    rows[4 * i + 3] = _mm512_unpackhi_epi64(next[4 * i + 1], next[4 * i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    next[i] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x88);
    next[i + 4] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xdd);
    next[i + 8] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x88);
    next[i + 12] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xdd);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    rows[i] = _mm512_shuffle_i32x4(next[i], next[i + 8], 0x88);
    rows[i + 8] = _mm512_shuffle_i32x4(next[i], next[i + 8], 0xdd);
    rows[i + 4] = _mm512_shuffle_i32x4(next[i + 4], next[i + 12], 0x88);
    rows[i + 12] = _mm512_shuffle_i32x4(next[i + 4], next[i + 12], 0xdd);
  }
}

#endif

// [rows, columns] → [columns, padded rows], padded with zeros. Copies the bits, whatever they represent.
inline void transposeRows(const float* from, int64_t fromRow, int64_t rows, int64_t columns, float* to, int64_t toRow) {
#if defined(__AVX512F__)
  for (int64_t r = 0; r < rows; r += 16) {
    for (int64_t c = 0; c < columns; c += 16) {
      const int64_t width = smaller(16, columns - c);
      const __mmask16 mask = static_cast<__mmask16>((1u << width) - 1u);
      __m512i tile[16];
#pragma GCC unroll 16
      for (int64_t i = 0; i < 16; i++)
        tile[i] = r + i < rows ? _mm512_maskz_loadu_epi32(mask, from + (r + i) * fromRow + c) : _mm512_setzero_si512();
      transposeTile(tile);
#pragma GCC unroll 16
      for (int64_t i = 0; i < 16; i++) {
        if (i < width) _mm512_storeu_si512(to + (c + i) * toRow + r, tile[i]);
      }
    }
  }
#else
  for (int64_t c = 0; c < columns; c++) {
    for (int64_t r = 0; r < rows; r++) to[c * toRow + r] = from[r * fromRow + c];
    for (int64_t r = rows; r < toRow; r++) to[c * toRow + r] = 0.0f;
  }
#endif
}

COLDSTART_KERNELS_END
