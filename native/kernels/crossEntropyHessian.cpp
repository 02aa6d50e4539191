// The product of the cross-entropy's Hessian with a vector, which makes its gradients differentiable: like them over
// blocks of rows, so that no tensor has the size of all logits.
#include "../onednn/multiply.h"
#include "lossRows.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

// Of one row, logits become their loss's gradient p - (1 - smoothing - e) [target] - e, and the weights W become p (W -
// sum(p W)).
void secondOrderRow(float* logits, float* weights, int64_t vocab, int64_t target, float smoothing) {
  float most = -__builtin_inff();
#pragma omp simd reduction(max : most)
  for (int64_t v = 0; v < vocab; v++) most = logits[v] > most ? logits[v] : most;
  float total = 0.0f;
  float along = 0.0f;
#pragma omp simd reduction(+ : total, along)
  for (int64_t v = 0; v < vocab; v++) {
    const float e = vectorExp(logits[v] - most);
    logits[v] = e;
    total += e;
    along += e * weights[v];
  }
  const float scale = 1.0f / total;
  const float mean = along * scale;
  const float perWrong = vocab > 1 ? smoothing / static_cast<float>(vocab - 1) : 0.0f;
#pragma omp simd
  for (int64_t v = 0; v < vocab; v++) {
    const float p = logits[v] * scale;
    weights[v] = p * (weights[v] - mean);
    logits[v] = p - perWrong;
  }
  logits[target] -= 1.0f - smoothing - perWrong;
}

// out [rows, columns] (+)= a b
void multiplyInto(Call& call, int64_t rows, int64_t inner, int64_t columns, MatrixView a, MatrixView b, float* out,
                  bool accumulate) {
  Product p = product(rows, inner, columns, a, b, out);
  p.accumulate = accumulate;
  multiply(call, p);
}

// hidden [N, d], embedding [V, d], targets [N], uHidden [N, d], uEmbedding [V, d] → [N, d], [V, d]. Attributes: label
// smoothing, padId.
//
// With G the gradient of the logits, the loss's gradients are G E and Gᵀ h. Their product with u is the sum of G * W,
// W = uHidden Eᵀ + h uEmbeddingᵀ; through G it has the gradient R = p (W - sum(p W)) for the logits.
void crossEntropyHessian(Call& call) {
  const Tensor& hidden = call.floats(0);
  const Tensor& embedding = call.floats(1);
  const Tensor& targets = call.ints(2);
  const int64_t padId = call.integer(1);
  const LossSizes sizes = lossSizesOf(hidden, embedding, targets, padId);
  const int64_t rows = sizes.rows, width = sizes.width, vocab = sizes.vocab;
  const float* uHidden = call.floats(3, hidden.size).f32();
  const float* uEmbedding = call.floats(4, embedding.size).f32();
  float* dHidden = call.floats(5, hidden.size).f32();
  float* dEmbedding = call.floats(6, embedding.size).f32();
  const float smoothing = static_cast<float>(call.attr(0));
  const int32_t* target = targets.i32();
  if (rows == 0) {
    for (int64_t i = 0; i < embedding.size; i++) dEmbedding[i] = 0.0f;
  }
  const int64_t block = smaller(kLossBlockRows, rows);
  float* logits = call.scratchFloats(block * vocab);
  float* weights = call.scratchFloats(block * vocab);
  for (int64_t start = 0; start < rows; start += kLossBlockRows) {
    const int64_t count = smaller(kLossBlockRows, rows - start);
    const float* h = hidden.f32() + start * width;
    const float* u = uHidden + start * width;
    multiplyInto(call, count, width, vocab, plain(h, width), transposed(plain(embedding.f32(), width)), logits, false);
    multiplyInto(call, count, width, vocab, plain(u, width), transposed(plain(embedding.f32(), width)), weights, false);
    multiplyInto(call, count, width, vocab, plain(h, width), transposed(plain(uEmbedding, width)), weights, true);
    parallelRows(count, vocab * 8, [=](int64_t row) {
      float* logitLine = logits + row * vocab;
      float* weightLine = weights + row * vocab;
      const int64_t wanted = target[start + row];
      if (wanted != padId) return secondOrderRow(logitLine, weightLine, vocab, wanted, smoothing);
      for (int64_t v = 0; v < vocab; v++) logitLine[v] = weightLine[v] = 0.0f;
    });
    // now logits hold G, and weights R
    multiplyInto(call, count, vocab, width, plain(weights, vocab), plain(embedding.f32(), width),
                 dHidden + start * width, false);
    multiplyInto(call, count, vocab, width, plain(logits, vocab), plain(uEmbedding, width), dHidden + start * width,
                 true);
    multiplyInto(call, vocab, count, width, transposed(plain(weights, vocab)), plain(h, width), dEmbedding, start > 0);
    multiplyInto(call, vocab, count, width, transposed(plain(logits, vocab)), plain(u, width), dEmbedding, true);
  }
}

}  // namespace

void registerCrossEntropyHessian(KernelTable& table) { add(table, "CrossEntropyHessian", crossEntropyHessian); }

COLDSTART_KERNELS_END
