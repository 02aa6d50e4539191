// Label-smoothed cross-entropy straight from hidden states and the embedding: logits exist for a block of rows at a
// time, and become the block's gradient in place.
#include "../onednn/multiply.h"
#include "bf16.h"
#include "lossRows.h"

COLDSTART_KERNELS_BEGIN

namespace {

struct RowLoss {
  float loss, nll;
};

// Independent vector sums in a pass over a row: each addition waits for the previous one to the same sum.
constexpr int64_t kPassVectors = 4;
constexpr int64_t kPassWidth = kPassVectors * kVector;

COLDSTART_INLINE Vector greater(Vector a, Vector b) { return a > b ? a : b; }

// The loss of one row of logits; withGradient also its gradient: softmax - (1 - smoothing - e) [target] - e. The
// gradient may share the logits' memory; they are overwritten either way.
template <bool withGradient, typename Element>
RowLoss rowLoss(float* logits, int64_t vocab, int64_t target, float smoothing, Element* gradient) {
  const int64_t whole = vocab - vocab % kPassWidth;
  Vector mosts[kPassVectors], sums[kPassVectors], totals[kPassVectors];
  for (int64_t j = 0; j < kPassVectors; j++) {
    mosts[j] = Vector{} - __builtin_inff();
    sums[j] = totals[j] = Vector{};
  }
  for (int64_t v = 0; v < whole; v += kPassWidth) {
#pragma GCC unroll 4
    for (int64_t j = 0; j < kPassVectors; j++) {
      const Vector logit = loadVector(logits + v + j * kVector);
      mosts[j] = logit > mosts[j] ? logit : mosts[j];
      sums[j] += logit;
    }
  }
  float most = maxOf(greater(greater(mosts[0], mosts[1]), greater(mosts[2], mosts[3])));
  float sum = sumOf((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (int64_t v = whole; v < vocab; v++) {
    most = logits[v] > most ? logits[v] : most;
    sum += logits[v];
  }
  const float targetLogit = logits[target];
  for (int64_t v = 0; v < whole; v += kPassWidth) {
#pragma GCC unroll 4
    for (int64_t j = 0; j < kPassVectors; j++) {
      float* at = logits + v + j * kVector;
      const Vector e = expOf(loadVector(at) - most);
      if (withGradient) storeVector(at, e);
      totals[j] += e;
    }
  }
  float total = sumOf((totals[0] + totals[1]) + (totals[2] + totals[3]));
  for (int64_t v = whole; v < vocab; v++) {
    const float e = vectorExp(logits[v] - most);
    if (withGradient) logits[v] = e;
    total += e;
  }
  const float logSumExp = most + ::logf(total);
  const float perWrong = vocab > 1 ? smoothing / static_cast<float>(vocab - 1) : 0.0f;
  const float onTarget = 1.0f - smoothing - perWrong;
  const float nll = logSumExp - targetLogit;
  const float all =
      static_cast<float>(static_cast<double>(vocab) *
                         (static_cast<double>(logSumExp) - static_cast<double>(sum) / static_cast<double>(vocab)));
  if (withGradient) {
    // the weights of all log-probabilities add up to 1
    const float scale = 1.0f / total;
    const float atTarget = logits[target] * scale - perWrong - onTarget;
#pragma omp simd
    for (int64_t v = 0; v < vocab; v++) store(gradient + v, logits[v] * scale - perWrong);
    store(gradient + target, atTarget);
  }
  return {onTarget * nll + perWrong * all, nll};
}

// The losses of a block of rows, and their gradients.
template <bool withGradient, typename Element>
void rowLosses(float* logits, int64_t count, int64_t vocab, const int32_t* targets, int64_t padId, float smoothing,
               RowLoss* losses, Element* gradients) {
  parallelRows(count, vocab * 4, [=](int64_t row) {
    Element* gradient = gradients + row * vocab;
    if (targets[row] == padId) {
      losses[row] = {0.0f, 0.0f};
      for (int64_t v = 0; withGradient && v < vocab; v++) gradient[v] = 0;
    } else {
      losses[row] = rowLoss<withGradient>(logits + row * vocab, vocab, targets[row], smoothing, gradient);
    }
  });
}

// Rewrites the product's right operand in oneDNN's own layout, for the blocks that share it.
void packFor(Call& call, Product& p) {
  void* packed = call.scratch(static_cast<int64_t>(packedBytes(call.oneDnn(), p)));
  packRight(call.oneDnn(), p, packed);
  p.b.data = static_cast<const float*>(packed);
  p.packed = true;
}

// hidden [N, d], embedding [V, d], targets [N] → lossSum, nllSum, and with gradients dHidden [N, d], dEmbedding [V, d].
// Attributes: label smoothing, padId, with gradients.
void crossEntropy(Call& call) {
  const Tensor& hidden = call.floats(0);
  const Tensor& embedding = call.floats(1);
  const Tensor& targets = call.ints(2);
  const float smoothing = static_cast<float>(call.attr(0));
  const int64_t padId = call.integer(1);
  const bool withGradients = call.integer(2) != 0;
  const LossSizes sizes = lossSizesOf(hidden, embedding, targets, padId);
  const int64_t rows = sizes.rows, width = sizes.width, vocab = sizes.vocab;
  float* lossSum = call.floats(3, 1).f32();
  float* nllSum = call.floats(4, 1).f32();
  float* dHidden = withGradients ? call.floats(5, hidden.size).f32() : nullptr;
  float* dEmbedding = withGradients ? call.floats(6, embedding.size).f32() : nullptr;
  const int32_t* target = targets.i32();
  if (rows == 0 && withGradients) {
    for (int64_t i = 0; i < embedding.size; i++) dEmbedding[i] = 0.0f;
  }
  const int64_t full = smaller(kLossBlockRows, rows);
  float* logits = call.scratchFloats(full * vocab);
  RowLoss* losses = static_cast<RowLoss*>(call.scratch(rows * sizeof(RowLoss)));
  MatrixView states = plain(hidden.f32(), width);
  MatrixView table = plain(embedding.f32(), width);
  MatrixView gradients = plain(logits, vocab);
  uint16_t* roundedGradients = nullptr;
  const bool rounds = roundsOperands(call.oneDnn(), product(full, width, vocab, states, transposed(table), logits));
  if (rounds) {
    states = toBf16(call, states, hidden.size);
    table = toBf16(call, table, embedding.size);
    if (withGradients) {
      gradients.data = roundedGradients = static_cast<uint16_t*>(call.scratch(full * vocab * 2));
      gradients.isBf16 = true;
    }
  }
  // all full blocks multiply by the same embedding, once as it is and once transposed
  Product toLogits = product(full, width, vocab, states, transposed(table), logits);
  Product toHidden = product(full, vocab, width, gradients, table, nullptr);
  if (!rounds && rows >= 2 * kLossBlockRows) {
    packFor(call, toLogits);
    if (withGradients) packFor(call, toHidden);
  }
  for (int64_t start = 0; start < rows; start += kLossBlockRows) {
    const int64_t count = smaller(kLossBlockRows, rows - start);
    if (count != full) {
      // the last block: other sizes may want another layout
      toLogits = product(count, width, vocab, states, transposed(table), logits);
      toHidden = product(count, vocab, width, gradients, table, nullptr);
    }
    const MatrixView block = rowsFrom(states, start);
    toLogits.a = block;
    multiply(call, toLogits);
    if (!withGradients)
      rowLosses<false>(logits, count, vocab, target + start, padId, smoothing, losses + start, logits);
    else if (rounds)
      rowLosses<true>(logits, count, vocab, target + start, padId, smoothing, losses + start, roundedGradients);
    else rowLosses<true>(logits, count, vocab, target + start, padId, smoothing, losses + start, logits);
    if (!withGradients) continue;
    toHidden.out = dHidden + start * width;
    multiply(call, toHidden);
    Product p = product(vocab, count, width, transposed(gradients), block, dEmbedding);
    p.accumulate = start > 0;
    multiply(call, p);
  }
  double loss = 0.0;
  double nll = 0.0;
  for (int64_t row = 0; row < rows; row++) {
    loss += losses[row].loss;
    nll += losses[row].nll;
  }
  lossSum[0] = static_cast<float>(loss);
  nllSum[0] = static_cast<float>(nll);
}

}  // namespace

void registerCrossEntropy(KernelTable& table) { add(table, "CrossEntropy", crossEntropy); }

COLDSTART_KERNELS_END
