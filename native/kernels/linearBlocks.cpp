#include "linearBlocks.h"

#include "../onednn/blockProduct.h"
#include "bf16.h"

COLDSTART_KERNELS_BEGIN

namespace {

// Rows per block: the block's inputs and results stay in a core's second-level cache together with the weights and
// their gradients.
constexpr int64_t kBlockRows = 256;

// How rows are split over threads: whole blocks, neighbouring ones to one thread.
struct Blocks {
  int64_t rows, size, count;
  int64_t rowsOf(int64_t block) const { return smaller(size, rows - block * size); }
  bool isTail(int64_t block) const { return rowsOf(block) < size; }
};

Blocks blocksOf(int64_t rows, int64_t size) { return {rows, smaller(size, rows), (rows + size - 1) / size}; }

// body(thread, first block, end) on every thread that has blocks; returns the number of such threads.
template <typename Body>
int64_t parallelBlocks(int64_t count, Body body) {
  int64_t used = 1;
#pragma omp parallel if (count > 1)
  {
    const int64_t threads = omp_get_num_threads();
    const int64_t thread = omp_get_thread_num();
    const int64_t share = (count + threads - 1) / threads;
    const int64_t begin = thread * share;
    const int64_t end = smaller(begin + share, count);
    if (thread == 0) used = (count + share - 1) / share;
    if (begin < end) body(thread, begin, end);
  }
  return used;
}

// One product for all full blocks, its right operand packed once for them, and one for the last block if it is shorter.
struct BlockPair {
  const BlockProduct* full;
  const BlockProduct* tail;
  const void* plain;
  const void* packed;
};

BlockPair pairOf(Call& call, const Blocks& blocks, Product p) {
  BlockPair pair{};
  OneDnn& oneDnn = call.oneDnn();
  pair.plain = p.b.data;
  p.rows = blocks.size;
  p.packed = true;
  pair.full = &blockProduct(oneDnn, p);
  void* packed = call.scratch(static_cast<int64_t>(packedBytes(*pair.full)));
  packRight(oneDnn, *pair.full, pair.plain, packed);
  pair.packed = packed;
  const int64_t last = blocks.count - 1;
  if (blocks.isTail(last)) {
    p.rows = blocks.rowsOf(last);
    p.packed = false;
    pair.tail = &blockProduct(oneDnn, p);
  }
  return pair;
}

int64_t scratchOf(const BlockProduct* product) {
  return product == nullptr ? 0 : static_cast<int64_t>(scratchBytes(*product));
}

int64_t scratchOf(const BlockPair& pair) { return larger(scratchOf(pair.full), scratchOf(pair.tail)); }

COLDSTART_INLINE bool multiplyPair(const BlockPair& pair, bool isTail, const void* a, float* out, void* scratch) {
  return isTail ? multiplyBlock(*pair.tail, a, pair.plain, out, scratch)
                : multiplyBlock(*pair.full, a, pair.packed, out, scratch);
}

// A part of one scratch block for every thread.
struct PerThread {
  char* start;
  int64_t bytes;
  char* of(int64_t thread) const { return start + thread * bytes; }
};

PerThread perThread(Call& call, int64_t bytes) {
  const int64_t padded = (bytes + 63) / 64 * 64;
  return {static_cast<char*>(call.scratch(larger(padded, 64) * omp_get_max_threads())), padded};
}

// The products of one layer's gradients, and where each thread adds up its share.
struct GradPlan {
  BlockPair toX;
  // dWeight = gradientᵀ x of a thread's first block, of the others (which add to it), and of the short block
  const BlockProduct* first;
  const BlockProduct* more;
  const BlockProduct* last;
  PerThread weightSums;  // of all threads but the first, which adds up in dWeight itself
  PerThread biasSums;
};

const BlockProduct* weightProduct(Call& call, int64_t rows, int64_t in, int64_t out, bool accumulate, bool rounds) {
  Product p = product(out, rows, in, transposed(plain(nullptr, out)), plain(nullptr, in), nullptr);
  p.a.isBf16 = p.b.isBf16 = rounds;
  p.accumulate = accumulate;
  return &blockProduct(call.oneDnn(), p);
}

GradPlan planOf(Call& call, const Blocks& blocks, int64_t in, const LinearLayerGrad& layer, bool addToX, bool rounds) {
  GradPlan plan{};
  MatrixView weight = plain(layer.weight, in);
  if (rounds) weight = toBf16(call, weight, layer.out * in);
  Product p = product(0, layer.out, in, plain(nullptr, layer.out), weight, nullptr);
  p.a.isBf16 = rounds;
  p.accumulate = addToX;
  plan.toX = pairOf(call, blocks, p);
  const int64_t lastRows = blocks.rowsOf(blocks.count - 1);
  plan.first = weightProduct(call, blocks.size, in, layer.out, false, rounds);
  plan.more = blocks.count > 1 ? weightProduct(call, blocks.size, in, layer.out, true, rounds) : plan.first;
  plan.last = lastRows < blocks.size ? weightProduct(call, lastRows, in, layer.out, true, rounds) : nullptr;
  plan.weightSums = perThread(call, layer.out * in * 4);
  plan.biasSums = perThread(call, layer.out * 4);
  return plan;
}

int64_t scratchOf(const GradPlan& plan) {
  return larger(larger(scratchOf(plan.toX), scratchOf(plan.first)), larger(scratchOf(plan.more), scratchOf(plan.last)));
}

// The gradient before ReLU and dropout of `rows` rows from `start` on; dy itself if there are neither.
const float* unmasked(const LinearLayerGrad& layer, const Draw& draw, int64_t start, int64_t rows, float* masked) {
  const int64_t first = start * layer.out;
  if (layer.y == nullptr && !draw.active) return layer.dy + first;
  unmask(draw, first, rows * layer.out, layer.dy + first, layer.y == nullptr ? nullptr : layer.y + first, masked);
  return masked;
}

// sums [width] (+)= the column sums of x [rows, width]
COLDSTART_INLINE void addColumns(const float* x, int64_t rows, int64_t width, bool accumulate, float* sums) {
  if (!accumulate) {
    for (int64_t i = 0; i < width; i++) sums[i] = 0.0f;
  }
  int64_t i = 0;
  // this many columns at a time stay in registers
  constexpr int64_t kColumns = 8 * kVector;
  for (; i + kColumns <= width; i += kColumns) {
    Vector total[kColumns / kVector];
#pragma GCC unroll 8
    for (int64_t v = 0; v < kColumns / kVector; v++) total[v] = loadVector(sums + i + v * kVector);
    for (int64_t r = 0; r < rows; r++) {
#pragma GCC unroll 8
      for (int64_t v = 0; v < kColumns / kVector; v++) total[v] += loadVector(x + r * width + i + v * kVector);
    }
#pragma GCC unroll 8
    for (int64_t v = 0; v < kColumns / kVector; v++) storeVector(sums + i + v * kVector, total[v]);
  }
  for (int64_t r = 0; i < width && r < rows; r++) {
#pragma omp simd
    for (int64_t j = i; j < width; j++) sums[j] += x[r * width + j];
  }
}

// total += the parts of threads 1 … used - 1, in their order
void addParts(float* total, int64_t size, const PerThread& parts, int64_t used) {
  if (used < 2) return;
  parallelElements(size, [=](int64_t begin, int64_t end) {
    for (int64_t thread = 1; thread < used; thread++) {
      const float* part = reinterpret_cast<const float*>(parts.of(thread));
#pragma omp simd
      for (int64_t i = begin; i < end; i++) total[i] += part[i];
    }
  });
}

}  // namespace

void linearBackward(Call& call, const float* x, float* dx, int64_t rows, int64_t in, const LinearLayerGrad* layers,
                    int count, const Draw& draw, bool rounds) {
  int64_t width = 0;
  for (int i = 0; i < count; i++) width = larger(width, layers[i].out);
  const Blocks blocks = blocksOf(rows, kBlockRows);
  GradPlan plans[kMostLayers];
  int64_t scratchBytes = 0;
  for (int i = 0; i < count; i++) {
    plans[i] = planOf(call, blocks, in, layers[i], i > 0, rounds);
    scratchBytes = larger(scratchBytes, scratchOf(plans[i]));
  }
  const PerThread scratch = perThread(call, scratchBytes);
  const PerThread maskedBlock = perThread(call, blocks.size * width * 4);
  const PerThread roundedGradient = perThread(call, rounds ? blocks.size * width * 2 : 0);
  const PerThread roundedInput = perThread(call, rounds ? blocks.size * in * 2 : 0);
  int refused = 0;
  const int64_t used = parallelBlocks(blocks.count, [&](int64_t thread, int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; block++) {
      const int64_t start = block * blocks.size;
      const int64_t blockRows = blocks.rowsOf(block);
      const bool isTail = blocks.isTail(block);
      const void* input = x + start * in;
      if (rounds) {
        uint16_t* rounded = reinterpret_cast<uint16_t*>(roundedInput.of(thread));
        roundToBf16(x + start * in, blockRows * in, rounded);
        input = rounded;
      }
      for (int i = 0; i < count; i++) {
        const LinearLayerGrad& layer = layers[i];
        const GradPlan& plan = plans[i];
        const bool isFirst = block == begin;
        const float* gradient =
            unmasked(layer, draw, start, blockRows, reinterpret_cast<float*>(maskedBlock.of(thread)));
        float* weightSum = thread == 0 ? layer.dWeight : reinterpret_cast<float*>(plan.weightSums.of(thread));
        float* biasSum = thread == 0 ? layer.dBias : reinterpret_cast<float*>(plan.biasSums.of(thread));
        if (layer.dBias != nullptr) addColumns(gradient, blockRows, layer.out, !isFirst, biasSum);
        if (isFirst && isTail) {
          // rare, and not worth a separate compiled product
          for (int64_t j = 0; j < layer.out * in; j++) weightSum[j] = 0.0f;
        }
        const void* left = gradient;
        if (rounds) {
          uint16_t* rounded = reinterpret_cast<uint16_t*>(roundedGradient.of(thread));
          roundToBf16(gradient, blockRows * layer.out, rounded);
          left = rounded;
        }
        const BlockProduct& toWeight = isTail ? *plan.last : isFirst ? *plan.first : *plan.more;
        const bool toXRefused = !multiplyPair(plan.toX, isTail, left, dx + start * in, scratch.of(thread));
        if (!multiplyBlock(toWeight, left, input, weightSum, scratch.of(thread)) || toXRefused) {
#pragma omp atomic write
          refused = 1;
        }
      }
    }
  });
  require(refused == 0, "oneDNN refused a product");
  for (int i = 0; i < count; i++) {
    addParts(layers[i].dWeight, layers[i].out * in, plans[i].weightSums, used);
    if (layers[i].dBias != nullptr) addParts(layers[i].dBias, layers[i].out, plans[i].biasSums, used);
  }
}

COLDSTART_KERNELS_END
