// Matrix products for kernels that use nothing else of oneDNN.
#pragma once

#include <cstddef>
#include <cstdint>

namespace coldstart {

class Call;
class OneDnn;

// What the operands of large products are rounded to. Sums are float32 either way.
enum class Precision : int32_t { kFloat32 = 0, kBf16 = 1 };

// How this processor multiplies bf16: "amx", "avx512", or "" if it cannot.
const char* bf16Unit();
bool hasAmx();

// One operand of a product: a [batch, rows, columns] view with its strides; batch 1 is broadcast.
struct MatrixView {
  const void* data;
  int64_t batch;
  int64_t batchStride;
  int64_t rowStride;
  int64_t columnStride;
  bool isBf16 = false;  // the elements are bf16 (2 bytes), not float32
};

struct Product {
  int64_t batch, rows, inner, columns;
  MatrixView a;  // [batch, rows, inner]
  MatrixView b;  // [batch, inner, columns]
  float* out;    // [batch, rows, columns] with this row stride
  int64_t outRowStride;
  const float* bias = nullptr;  // [columns]
  bool accumulate = false;      // out += a b
  bool packed = false;          // b.data was written by packRight
};

// The following functions are static: kernels are compiled once per instruction set, and each set keeps its own copy.

// A dense matrix with this many columns.
static inline MatrixView plain(const float* data, int64_t columns) { return {data, 1, 0, columns, 1}; }

static inline MatrixView transposed(MatrixView view) {
  const int64_t rowStride = view.rowStride;
  view.rowStride = view.columnStride;
  view.columnStride = rowStride;
  return view;
}

// The rows of a dense matrix from `row` on.
static inline MatrixView rowsFrom(MatrixView view, int64_t row) {
  view.data = static_cast<const char*>(view.data) + row * view.rowStride * (view.isBf16 ? 2 : 4);
  return view;
}

// out [rows, columns] = a b.
static inline Product product(int64_t rows, int64_t inner, int64_t columns, MatrixView a, MatrixView b, float* out) {
  Product p{};
  p.batch = 1;
  p.rows = rows;
  p.inner = inner;
  p.columns = columns;
  p.a = a;
  p.b = b;
  p.out = out;
  p.outRowStride = columns;
  return p;
}

// For products that share b: its bytes in the layout that oneDNN multiplies fastest, and b rewritten in it. The layout
// depends on all sizes of the product; the batch must be 1.
size_t packedBytes(OneDnn& oneDnn, const Product& product);
void packRight(OneDnn& oneDnn, const Product& product, void* packed);

// Whether multiply rounds this product's operands to bf16 in the current precision. Small products and batches of
// products stay in float32: there rounding costs more than it saves.
bool roundsOperands(const OneDnn& oneDnn, const Product& product);

// The same view of the matrix rounded to bf16, ties to even, in scratch memory: for operands that several products
// share. The matrix must be dense (plain or transposed) and hold `count` elements.
MatrixView toBf16(Call& call, const MatrixView& view, int64_t count);

// out = a b + bias, operands rounded where roundsOperands says so or one of them already is. Throws dnnl::error if
// oneDNN refuses.
void multiply(Call& call, const Product& product);

}  // namespace coldstart
