// LN(residual + dropout(x)) and its gradient. Source: Ba et al. 2016, biased variance.
#include "philox.h"

COLDSTART_KERNELS_BEGIN

namespace {

COLDSTART_INLINE float rowSum(const float* x, int64_t width) {
  float total = 0.0f;
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < width; i++) total += x[i];
  return total;
}

// x, residual? [N, d], gamma, beta [d] → y, normalised [N, d], rstd [N]. Attributes: has residual, eps, the draw.
void layerNorm(Call& call) {
  const bool hasResidual = call.integer(0) != 0;
  const float eps = static_cast<float>(call.attr(1));
  const Draw draw = drawOf(call, 2);
  const int next = hasResidual ? 2 : 1;
  const Tensor& x = call.floats(0);
  require(x.rank == 2, "x must be [N, d]");
  const int64_t rows = x.dims[0];
  const int64_t width = x.dims[1];
  const float* residual = hasResidual ? call.floats(1, x.size).f32() : nullptr;
  const float* gamma = call.floats(next, width).f32();
  const float* beta = call.floats(next + 1, width).f32();
  float* y = call.floats(next + 2, x.size).f32();
  float* normalised = call.floats(next + 3, x.size).f32();
  float* rstd = call.floats(next + 4, rows).f32();
  parallelRows(rows, width * 4, [=, &x, &draw](int64_t row) {
    const int64_t start = row * width;
    const float* from = x.f32() + start;
    float* sum = normalised + start;
    if (draw.active) {
      if (residual != nullptr) dropoutSpan<true>(draw, start, width, from, residual + start, sum);
      else dropoutSpan<false>(draw, start, width, from, nullptr, sum);
    } else {
#pragma omp simd
      for (int64_t i = 0; i < width; i++) sum[i] = residual == nullptr ? from[i] : from[i] + residual[start + i];
    }
    const float mean = rowSum(sum, width) / static_cast<float>(width);
    float squares = 0.0f;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < width; i++) {
      const float centred = sum[i] - mean;
      squares += centred * centred;
    }
    const float scale = 1.0f / __builtin_sqrtf(squares / static_cast<float>(width) + eps);
    float* out = y + start;
#pragma omp simd
    for (int64_t i = 0; i < width; i++) {
      const float value = (sum[i] - mean) * scale;
      sum[i] = value;
      out[i] = value * gamma[i] + beta[i];
    }
    rstd[row] = scale;
  });
}

// Rows whose parameter gradients one thread adds up at a time; fixed, so that the bits do not depend on the number of
// threads.
constexpr int64_t kRowsPerPart = 128;

// dy, normalised [N, d], rstd [N], gamma [d] → dSum [N, d], dGamma, dBeta [d], and with a draw dx [N, d]. Attributes:
// the draw.
void layerNormGrad(Call& call) {
  const Draw draw = drawOf(call, 0);
  const Tensor& dy = call.floats(0);
  require(dy.rank == 2, "dy must be [N, d]");
  const int64_t rows = dy.dims[0];
  const int64_t width = dy.dims[1];
  const float* normalised = call.floats(1, dy.size).f32();
  const float* rstd = call.floats(2, rows).f32();
  const float* gamma = call.floats(3, width).f32();
  float* dSum = call.floats(4, dy.size).f32();
  float* dGamma = call.floats(5, width).f32();
  float* dBeta = call.floats(6, width).f32();
  float* dx = draw.active ? call.floats(7, dy.size).f32() : nullptr;
  const int64_t parts = (rows + kRowsPerPart - 1) / kRowsPerPart;
  float* partSums = call.scratchFloats(larger(parts, 1) * 2 * width);
  parallelRows(parts, kRowsPerPart * width * 4, [=, &dy, &draw](int64_t part) {
    float* gammaSum = partSums + part * 2 * width;
    float* betaSum = gammaSum + width;
    for (int64_t i = 0; i < 2 * width; i++) gammaSum[i] = 0.0f;
    const int64_t end = smaller((part + 1) * kRowsPerPart, rows);
    for (int64_t row = part * kRowsPerPart; row < end; row++) {
      const float* g = dy.f32() + row * width;
      const float* z = normalised + row * width;
      float* out = dSum + row * width;
      float total = 0.0f;
      float product = 0.0f;
#pragma omp simd reduction(+ : total, product)
      for (int64_t i = 0; i < width; i++) {
        const float scaled = g[i] * gamma[i];
        total += scaled;
        product += scaled * z[i];
        gammaSum[i] += g[i] * z[i];
        betaSum[i] += g[i];
      }
      const float mean = total / static_cast<float>(width);
      const float slope = product / static_cast<float>(width);
      const float scale = rstd[row];
#pragma omp simd
      for (int64_t i = 0; i < width; i++) out[i] = scale * (g[i] * gamma[i] - mean - z[i] * slope);
      if (dx != nullptr) dropoutSpan<false>(draw, row * width, width, out, nullptr, dx + row * width);
    }
  });
  for (int64_t i = 0; i < width; i++) dGamma[i] = dBeta[i] = 0.0f;
  for (int64_t part = 0; part < parts; part++) {
    const float* gammaSum = partSums + part * 2 * width;
#pragma omp simd
    for (int64_t i = 0; i < width; i++) {
      dGamma[i] += gammaSum[i];
      dBeta[i] += gammaSum[width + i];
    }
  }
}

}  // namespace

void registerLayerNorm(KernelTable& table) {
  add(table, "LayerNorm", layerNorm);
  add(table, "LayerNormGrad", layerNormGrad);
}

COLDSTART_KERNELS_END
