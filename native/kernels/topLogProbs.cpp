// The most probable next tokens of every hypothesis straight from hidden states and the embedding: logits exist for a
// block of rows and of the vocabulary at a time, while they are in cache, and only a few numbers per row are left.
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "../onednn/multiply.h"
#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

constexpr int64_t kBlockRows = 512;
constexpr int64_t kBlockTokens = 512;
// Logits that one comparison rules out together.
constexpr int64_t kGroup = 4 * kVector;

// State over the logits of a row seen so far. The best logits are in the output.
struct RowState {
  double expSum;  // of exp(logit - most)
  float most;
  float endLogit;
  int64_t kept;
};

struct Excluded {
  int64_t count;
  int64_t tokens[4];
};

// A sorted list of the `capacity` best logits, of equal ones the first token first.
COLDSTART_INLINE void insert(float* best, int32_t* tokens, int64_t& kept, int64_t capacity, float logit,
                             int64_t token) {
  int64_t place = kept < capacity ? kept++ : capacity - 1;
  for (; place > 0 && logit > best[place - 1]; place--) {
    best[place] = best[place - 1];
    tokens[place] = tokens[place - 1];
  }
  best[place] = logit;
  tokens[place] = static_cast<int32_t>(token);
}

COLDSTART_INLINE bool anyAbove(Vector x, float bar) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(bar), _CMP_GT_OQ) != 0;
#else
  const IntVector above = x > bar;
  int32_t any = 0;
  for (int64_t i = 0; i < kVector; i++) any |= above[i];
  return any != 0;
#endif
}

// Adds the logits of tokens first … first + count - 1; after them the line is -infinity up to a multiple of kGroup.
void takeIn(const float* line, int64_t first, int64_t count, const Excluded& excluded, int64_t capacity,
            RowState& state, float* best, int32_t* tokens) {
  Vector largest = Vector{} - __builtin_inff();
  float bar = state.kept < capacity ? -__builtin_inff() : best[capacity - 1];
  for (int64_t group = 0; group < count; group += kGroup) {
    const Vector a = loadVector(line + group), b = loadVector(line + group + kVector);
    const Vector c = loadVector(line + group + 2 * kVector), d = loadVector(line + group + 3 * kVector);
    const Vector ab = a > b ? a : b, cd = c > d ? c : d;
    const Vector groupLargest = ab > cd ? ab : cd;
    largest = groupLargest > largest ? groupLargest : largest;
    if (!anyAbove(groupLargest, bar)) continue;
    const int64_t end = smaller(group + kGroup, count);
    for (int64_t i = group; i < end; i++) {
      if (!(line[i] > bar)) continue;
      bool isExcluded = false;
      for (int64_t e = 0; e < excluded.count; e++) isExcluded |= excluded.tokens[e] == first + i;
      if (isExcluded) continue;
      insert(best, tokens, state.kept, capacity, line[i], first + i);
      bar = state.kept < capacity ? -__builtin_inff() : best[capacity - 1];
    }
  }
  const float tileLargest = maxOf(largest);
  const float most = tileLargest > state.most ? tileLargest : state.most;
  if (most > state.most) {
    state.expSum *= static_cast<double>(vectorExp(state.most - most));
    state.most = most;
  }
  Vector sums[2] = {};
  for (int64_t i = 0; i < count; i += 2 * kVector) {
    sums[0] += expOf(loadVector(line + i) - most);
    sums[1] += expOf(loadVector(line + i + kVector) - most);
  }
  state.expSum += static_cast<double>(sumOf(sums[0] + sums[1]));
}

// hidden [N, d], embedding [V, d] → the k largest log-probabilities of each row [N, k], largest first, their tokens [N,
// k], and the log-probability of the end token [N]. Where fewer than k tokens are allowed, -infinity and token -1
// follow. Attributes: k, the end token, and up to four tokens to leave out.
void topLogProbs(Call& call) {
  const Tensor& hidden = call.floats(0);
  const Tensor& embedding = call.floats(1);
  const int64_t k = call.integer(0);
  const int64_t endToken = call.integer(1);
  require(hidden.rank == 2 && embedding.rank == 2 && hidden.dims[1] == embedding.dims[1],
          "expected hidden [N, d] and embedding [V, d]");
  const int64_t rows = hidden.dims[0], width = hidden.dims[1], vocab = embedding.dims[0];
  require(k > 0 && k <= (int64_t{1} << 20) && endToken >= 0 && endToken < vocab,
          "k must be positive, and the end token in the vocabulary");
  Excluded excluded{call.attrCount() - 2, {}};
  require(excluded.count <= 4, "at most four tokens can be excluded");
  for (int64_t e = 0; e < excluded.count; e++) excluded.tokens[e] = call.integer(static_cast<int>(2 + e));
  float* logProbs = call.floats(2, rows * k).f32();
  int32_t* tokens = call.ints(3, rows * k).i32();
  float* endLogProbs = call.floats(4, rows).f32();

  const int64_t blockRows = smaller(kBlockRows, rows);
  const int64_t stride = (smaller(kBlockTokens, vocab) + kGroup - 1) / kGroup * kGroup;
  float* logits = call.scratchFloats(blockRows * stride);
  RowState* states = static_cast<RowState*>(call.scratch(rows * static_cast<int64_t>(sizeof(RowState))));
  for (int64_t row = 0; row < rows; row++) states[row] = {0.0, -__builtin_inff(), 0.0f, 0};
  for (int64_t start = 0; start < rows; start += blockRows) {
    const int64_t count = smaller(blockRows, rows - start);
    for (int64_t first = 0; first < vocab; first += kBlockTokens) {
      const int64_t columns = smaller(kBlockTokens, vocab - first);
      Product p = product(count, width, columns, plain(hidden.f32() + start * width, width),
                          transposed(plain(embedding.f32() + first * width, width)), logits);
      p.outRowStride = stride;
      multiply(call, p);
      parallelRows(count, columns * 4, [=, &excluded](int64_t row) {
        float* line = logits + row * stride;
        for (int64_t i = columns; i % kGroup != 0; i++) line[i] = -__builtin_inff();
        RowState& state = states[start + row];
        if (endToken >= first && endToken < first + columns) state.endLogit = line[endToken - first];
        takeIn(line, first, columns, excluded, k, state, logProbs + (start + row) * k, tokens + (start + row) * k);
      });
    }
  }
  for (int64_t row = 0; row < rows; row++) {
    const double logSumExp = static_cast<double>(states[row].most) + ::log(states[row].expSum);
    endLogProbs[row] = static_cast<float>(static_cast<double>(states[row].endLogit) - logSumExp);
    for (int64_t i = 0; i < k; i++) {
      float& logProb = logProbs[row * k + i];
      if (i < states[row].kept) {
        logProb = static_cast<float>(static_cast<double>(logProb) - logSumExp);
      } else {
        logProb = -__builtin_inff();
        tokens[row * k + i] = -1;
      }
    }
  }
}

}  // namespace

void registerTopLogProbs(KernelTable& table) { add(table, "TopLogProbs", topLogProbs); }

COLDSTART_KERNELS_END
