// Matrix products for kernels that know nothing else of oneDNN.
#pragma once

#include <cstddef>
#include <cstdint>

namespace coldstart {

class OneDnn;

// One operand of a product: a [batch, rows, columns] view with its strides; batch 1 is broadcast.
struct MatrixView {
  const float* data;
  int64_t batch;
  int64_t batchStride;
  int64_t rowStride;
  int64_t columnStride;
};

struct Product {
  int64_t batch, rows, inner, columns;
  MatrixView a;  // [batch, rows, inner]
  MatrixView b;  // [batch, inner, columns]
  float* out;    // [batch, rows, columns] with this row stride
  int64_t outRowStride;
  const float* bias = nullptr;  // [columns]
  bool relu = false;
  bool accumulate = false;  // out += a b
  bool packed = false;      // b.data was written by packRight
};

// out [rows, columns] = a b. Static: kernels are compiled once per instruction set, and each keeps its own copy.
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

// For products that share b: its bytes in the layout that oneDNN multiplies fastest, and b rewritten in it. The layout depends
// on all sizes of the product; the batch must be 1.
size_t packedBytes(OneDnn& oneDnn, const Product& product);
void packRight(OneDnn& oneDnn, const Product& product, void* packed);

// out = relu(a b + bias). Throws KernelError with oneDNN's status if it refuses.
void multiply(OneDnn& oneDnn, const Product& product);

}  // namespace coldstart
