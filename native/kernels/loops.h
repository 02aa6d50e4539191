// Loops shared by the kernels: static splits over threads, so that the same thread count always gives the same bits.
#pragma once

#include <omp.h>

#include "register.h"

COLDSTART_KERNELS_BEGIN

constexpr int64_t kSerialElements = 16384;  // below this a second thread costs more than it saves

__attribute__((always_inline)) inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
__attribute__((always_inline)) inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// body(begin, end) on each thread's share of [0, count); shares are multiples of `grain`.
template <typename Body>
void parallelRanges(int64_t count, int64_t grain, bool parallel, Body body) {
  if (!parallel || count <= grain) {
    if (count > 0) body(int64_t{0}, count);
    return;
  }
#pragma omp parallel
  {
    const int64_t threads = omp_get_num_threads();
    const int64_t pieces = (count + grain - 1) / grain;
    const int64_t share = (pieces + threads - 1) / threads * grain;
    const int64_t begin = omp_get_thread_num() * share;
    const int64_t end = smaller(begin + share, count);
    if (begin < end) body(begin, end);
  }
}

// body(begin, end) over elements.
template <typename Body>
void parallelElements(int64_t count, Body body) {
  parallelRanges(count, 64, count >= kSerialElements, body);
}

// body(row) for every row of `width` elements.
template <typename Body>
void parallelRows(int64_t rows, int64_t width, Body body) {
  parallelRanges(rows, 1, rows * width >= kSerialElements, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) body(row);
  });
}

COLDSTART_KERNELS_END
