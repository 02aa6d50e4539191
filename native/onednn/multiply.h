// Matrix products for kernels that know nothing else of oneDNN.
#pragma once

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
};

// out = relu(a b + bias). Throws KernelError with oneDNN's status if it refuses.
void multiply(OneDnn& oneDnn, const Product& product);

}  // namespace coldstart
