// y = dropout(relu(x Wᵀ + b)) and its gradients; the products are oneDNN's.
#include "../onednn/multiply.h"
#include "linearBlocks.h"

COLDSTART_KERNELS_BEGIN

namespace {

struct Sizes {
  int64_t rows, in, out;
};

Sizes sizesOf(const Tensor& x, const Tensor& weight) {
  require(x.rank == 2 && weight.rank == 2 && x.dims[1] == weight.dims[1], "x must be [N, in] and the weight [out, in]");
  return {x.dims[0], x.dims[1], weight.dims[0]};
}

// y = relu(y); NaN stays NaN, which oneDNN's own ReLU would turn into 0.
void clampSpan(int64_t count, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < count; i++) y[i] = y[i] < 0.0f ? 0.0f : y[i];
}

// x, weight, bias? → y. Attributes: has bias, relu, the draw.
void linear(Call& call) {
  const bool hasBias = call.integer(0) != 0;
  const bool relu = call.integer(1) != 0;
  const Draw draw = drawOf(call, 2);
  const Tensor& x = call.floats(0);
  const Tensor& weight = call.floats(1);
  const Sizes sizes = sizesOf(x, weight);
  Tensor& y = call.floats(hasBias ? 3 : 2, sizes.rows * sizes.out);
  Product p = product(sizes.rows, sizes.in, sizes.out, plain(x.f32(), sizes.in),
                      transposed(plain(weight.f32(), sizes.in)), y.f32());
  if (hasBias) p.bias = call.floats(2, sizes.out).f32();
  multiply(call, p);
  if (!relu && !draw.active) return;
  parallelElements(y.size, [&](int64_t begin, int64_t end) {
    float* part = y.f32() + begin;
    if (!draw.active) clampSpan(end - begin, part);
    else if (relu) dropoutSpan<false, true>(draw, begin, end - begin, part, nullptr, part);
    else dropoutSpan<false>(draw, begin, end - begin, part, nullptr, part);
  });
}

constexpr int64_t kRowsPerPart = 256;

// Column sums of dy [rows, width] in a fixed order; `transform(row)` may first write the row.
template <typename Transform>
void columnSums(Call& call, int64_t rows, int64_t width, float* sums, Transform transform) {
  const int64_t parts = (rows + kRowsPerPart - 1) / kRowsPerPart;
  float* partSums = call.scratchFloats(parts * width);
  parallelRows(parts, kRowsPerPart * width, [=](int64_t part) {
    float* total = partSums + part * width;
    for (int64_t i = 0; i < width; i++) total[i] = 0.0f;
    const int64_t end = smaller((part + 1) * kRowsPerPart, rows);
    for (int64_t row = part * kRowsPerPart; row < end; row++) {
      const float* line = transform(row);
#pragma omp simd
      for (int64_t i = 0; i < width; i++) total[i] += line[i];
    }
  });
  if (sums == nullptr) return;
  for (int64_t i = 0; i < width; i++) sums[i] = 0.0f;
  for (int64_t part = 0; part < parts; part++) {
#pragma omp simd
    for (int64_t i = 0; i < width; i++) sums[i] += partSums[part * width + i];
  }
}

// The input of several layers, rounded once for the layers whose products round.
class SharedInput {
 public:
  explicit SharedInput(const Tensor& x) : plain_(plain(x.f32(), x.dims[1])), size_(x.size) {}
  const MatrixView& asItIs() const { return plain_; }
  const MatrixView& rounded(Call& call) {
    if (!rounded_.isBf16) rounded_ = toBf16(call, plain_, size_);
    return rounded_;
  }

 private:
  MatrixView plain_;
  MatrixView rounded_{};
  int64_t size_;
};

// dx (+)= dy W and dWeight = dyᵀ x. Rounds dy once for both.
void multiplyBoth(Call& call, const Sizes& sizes, const float* dy, SharedInput& x, const float* weight, float* dx,
                  float* dWeight, bool accumulate) {
  Product toX = product(sizes.rows, sizes.out, sizes.in, plain(dy, sizes.out), plain(weight, sizes.in), dx);
  toX.accumulate = accumulate;
  Product toWeight = product(sizes.out, sizes.rows, sizes.in, transposed(plain(dy, sizes.out)), x.asItIs(), dWeight);
  if (roundsOperands(call.oneDnn(), toX)) {
    toX.a = toBf16(call, toX.a, sizes.rows * sizes.out);
    toWeight.a = transposed(toX.a);
    toWeight.b = x.rounded(call);
  }
  multiply(call, toX);
  multiply(call, toWeight);
}

// How a layer's gradients are computed: whether by blocks of rows, and whether from rounded operands.
struct GradMethod {
  bool inBlocks, rounds;
};

GradMethod methodOf(Call& call, const Sizes& sizes) {
  const bool rounds = roundsOperands(call.oneDnn(), product(sizes.rows, sizes.out, sizes.in, plain(nullptr, sizes.out),
                                                            plain(nullptr, sizes.in), nullptr));
  // with AMX, whole products measured faster, rounding included
  return {worksInBlocks(sizes.rows, sizes.in, sizes.out) && !(rounds && hasAmx()), rounds};
}

// dy, x, weight, y? (with relu) → dx, dWeight, dBias?. Attributes: has bias, relu, the draw.
void linearGrad(Call& call) {
  const bool hasBias = call.integer(0) != 0;
  const bool relu = call.integer(1) != 0;
  const Draw draw = drawOf(call, 2);
  const Tensor& dy = call.floats(0);
  const Tensor& x = call.floats(1);
  const Tensor& weight = call.floats(2);
  const Sizes sizes = sizesOf(x, weight);
  const int64_t width = sizes.out;
  require(dy.size == sizes.rows * width, "dy must be [N, out]");
  const float* y = relu ? call.floats(3, dy.size).f32() : nullptr;
  const int first = relu ? 4 : 3;
  float* dx = call.floats(first, x.size).f32();
  float* dWeight = call.floats(first + 1, weight.size).f32();
  float* dBias = hasBias ? call.floats(first + 2, width).f32() : nullptr;
  const GradMethod method = methodOf(call, sizes);
  if (method.inBlocks) {
    const LinearLayerGrad layer{weight.f32(), dy.f32(), y, dWeight, dBias, width};
    linearBackward(call, x.f32(), dx, sizes.rows, sizes.in, &layer, 1, draw, method.rounds);
    return;
  }
  const float* gradient = dy.f32();
  if (relu || draw.active) {
    float* masked = call.scratchFloats(dy.size);
    columnSums(call, sizes.rows, width, dBias, [=, &dy, &draw](int64_t row) {
      const int64_t first = row * width;
      unmask(draw, first, width, dy.f32() + first, relu ? y + first : nullptr, masked + first);
      return static_cast<const float*>(masked + first);
    });
    gradient = masked;
  } else if (hasBias) {
    columnSums(call, sizes.rows, width, dBias, [=](int64_t row) { return gradient + row * width; });
  }
  SharedInput input(x);
  multiplyBoth(call, sizes, gradient, input, weight.f32(), dx, dWeight, false);
}

// x, weights, biases → one y per weight. Attribute: count.
void linears(Call& call) {
  const int64_t count = call.integer(0);
  require(count > 0 && call.tensorCount() == 1 + 3 * count, "expected x, and a weight, a bias and an output per layer");
  const Tensor& x = call.floats(0);
  SharedInput shared(x);
  for (int i = 0; i < count; i++) {
    const Tensor& weight = call.floats(1 + i);
    const Sizes sizes = sizesOf(x, weight);
    Product p = product(sizes.rows, sizes.in, sizes.out, shared.asItIs(), transposed(plain(weight.f32(), sizes.in)),
                        call.floats(static_cast<int>(1 + 2 * count + i), sizes.rows * sizes.out).f32());
    p.bias = call.floats(static_cast<int>(1 + count + i), sizes.out).f32();
    if (roundsOperands(call.oneDnn(), p)) p.a = shared.rounded(call);
    multiply(call, p);
  }
}

// By blocks if that is the method for every layer, and either all layers round or none does.
GradMethod methodOf(Call& call, const Tensor& x, int count) {
  GradMethod all = methodOf(call, sizesOf(x, call.floats(1)));
  for (int i = 1; i < count; i++) {
    const GradMethod method = methodOf(call, sizesOf(x, call.floats(1 + i)));
    all.inBlocks = all.inBlocks && method.inBlocks && method.rounds == all.rounds;
  }
  return all;
}

// x, weights, dys → dx, dWeights, dBiases. Attribute: count.
void linearsGrad(Call& call) {
  const int64_t count = call.integer(0);
  require(count > 0 && call.tensorCount() == 2 + 4 * count,
          "expected x, dx, and a weight, a dy, a dWeight and a dBias per layer");
  const int n = static_cast<int>(count);
  const Tensor& x = call.floats(0);
  SharedInput shared(x);
  float* dx = call.floats(1 + 2 * n, x.size).f32();
  const GradMethod method = methodOf(call, x, n);
  if (n <= kMostLayers && method.inBlocks) {
    LinearLayerGrad layers[kMostLayers];
    for (int i = 0; i < n; i++) {
      const Tensor& weight = call.floats(1 + i);
      const Sizes sizes = sizesOf(x, weight);
      layers[i] = {weight.f32(),
                   call.floats(1 + n + i, sizes.rows * sizes.out).f32(),
                   nullptr,
                   call.floats(2 + 2 * n + i, weight.size).f32(),
                   call.floats(2 + 3 * n + i, sizes.out).f32(),
                   sizes.out};
    }
    linearBackward(call, x.f32(), dx, x.dims[0], x.dims[1], layers, n, Draw{}, method.rounds);
    return;
  }
  for (int i = 0; i < n; i++) {
    const Tensor& weight = call.floats(1 + i);
    const Sizes sizes = sizesOf(x, weight);
    const float* dy = call.floats(1 + n + i, sizes.rows * sizes.out).f32();
    float* dWeight = call.floats(2 + 2 * n + i, weight.size).f32();
    float* dBias = call.floats(2 + 3 * n + i, sizes.out).f32();
    multiplyBoth(call, sizes, dy, shared, weight.f32(), dx, dWeight, i > 0);
    columnSums(call, sizes.rows, sizes.out, dBias, [=](int64_t row) { return dy + row * sizes.out; });
  }
}

}  // namespace

void registerLinear(KernelTable& table) {
  add(table, "Linear", linear);
  add(table, "LinearGrad", linearGrad);
  add(table, "Linears", linears);
  add(table, "LinearsGrad", linearsGrad);
}

COLDSTART_KERNELS_END
