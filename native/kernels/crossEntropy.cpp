// Label-smoothed cross-entropy straight from hidden states and the embedding: logits exist for a block of rows at a time, and
// become the block's gradient in place.
#include "../onednn/multiply.h"
#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

// Rows per block: enough that the products run at full speed, few enough that the logits stay in cache.
constexpr int64_t kBlockRows = 256;

struct RowLoss {
  float loss, nll;
};

// The loss of one row of logits, which with `withGradient` becomes its gradient: softmax - (1 - smoothing - e) [target] - e.
template <bool withGradient>
RowLoss rowLoss(float* logits, int64_t vocab, int64_t target, float smoothing) {
  float most = -__builtin_inff();
  float sum = 0.0f;
#pragma omp simd reduction(max : most) reduction(+ : sum)
  for (int64_t v = 0; v < vocab; v++) {
    most = logits[v] > most ? logits[v] : most;
    sum += logits[v];
  }
  const float targetLogit = logits[target];
  float total = 0.0f;
#pragma omp simd reduction(+ : total)
  for (int64_t v = 0; v < vocab; v++) {
    const float e = vectorExp(logits[v] - most);
    if (withGradient) logits[v] = e;
    total += e;
  }
  const float logSumExp = most + ::logf(total);
  const float perWrong = vocab > 1 ? smoothing / static_cast<float>(vocab - 1) : 0.0f;
  const float onTarget = 1.0f - smoothing - perWrong;
  const float nll = logSumExp - targetLogit;
  const float all = static_cast<float>(static_cast<double>(vocab) * (static_cast<double>(logSumExp) - static_cast<double>(sum) / static_cast<double>(vocab)));
  if (withGradient) {
    // the weights of all log-probabilities add up to 1
    const float scale = 1.0f / total;
#pragma omp simd
    for (int64_t v = 0; v < vocab; v++) logits[v] = logits[v] * scale - perWrong;
    logits[target] -= onTarget;
  }
  return {onTarget * nll + perWrong * all, nll};
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
  require(hidden.rank == 2 && embedding.rank == 2 && hidden.dims[1] == embedding.dims[1] && targets.size == hidden.dims[0], "expected hidden [N, d], embedding [V, d] and N targets");
  const int64_t rows = hidden.dims[0], width = hidden.dims[1], vocab = embedding.dims[0];
  float* lossSum = call.floats(3, 1).f32();
  float* nllSum = call.floats(4, 1).f32();
  float* dHidden = withGradients ? call.floats(5, hidden.size).f32() : nullptr;
  float* dEmbedding = withGradients ? call.floats(6, embedding.size).f32() : nullptr;
  require(embedding.size > 0 && rows > 0, "there is nothing to score");
  const int32_t* target = targets.i32();
  for (int64_t row = 0; row < rows; row++) {
    if (target[row] != padId && (target[row] < 0 || target[row] >= vocab)) failPosition("target id", target[row], vocab - 1);
  }
  float* logits = call.scratchFloats(smaller(kBlockRows, rows) * vocab);
  RowLoss* losses = static_cast<RowLoss*>(call.scratch(rows * sizeof(RowLoss)));
  // all full blocks multiply by the same embedding, once as it is and once transposed
  const int64_t full = smaller(kBlockRows, rows);
  Product toLogits = product(full, width, vocab, {nullptr, 1, 0, width, 1}, {embedding.f32(), 1, 0, 1, width}, logits);
  Product toHidden = product(full, vocab, width, {logits, 1, 0, vocab, 1}, {embedding.f32(), 1, 0, width, 1}, nullptr);
  if (rows >= 2 * kBlockRows) {
    packFor(call, toLogits);
    if (withGradients) packFor(call, toHidden);
  }
  for (int64_t start = 0; start < rows; start += kBlockRows) {
    const int64_t count = smaller(kBlockRows, rows - start);
    const float* block = hidden.f32() + start * width;
    if (count != full) {
      // the last block: other sizes may want another layout
      toLogits = product(count, width, vocab, toLogits.a, {embedding.f32(), 1, 0, 1, width}, logits);
      toHidden = product(count, vocab, width, toHidden.a, {embedding.f32(), 1, 0, width, 1}, nullptr);
    }
    toLogits.a.data = block;
    multiply(call.oneDnn(), toLogits);
    parallelRows(count, vocab * 4, [=](int64_t row) {
      float* line = logits + row * vocab;
      const int64_t wanted = target[start + row];
      if (wanted == padId) {
        losses[start + row] = {0.0f, 0.0f};
        if (withGradients) {
          for (int64_t v = 0; v < vocab; v++) line[v] = 0.0f;
        }
      } else {
        losses[start + row] = withGradients ? rowLoss<true>(line, vocab, wanted, smoothing) : rowLoss<false>(line, vocab, wanted, smoothing);
      }
    });
    if (!withGradients) continue;
    toHidden.out = dHidden + start * width;
    multiply(call.oneDnn(), toHidden);
    Product p = product(vocab, count, width, {logits, 1, 0, 1, vocab}, {block, 1, 0, width, 1}, dEmbedding);
    p.accumulate = start > 0;
    multiply(call.oneDnn(), p);
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
