// oneDNN's engine, stream and compiled primitives of one JavaScript environment.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include <dnnl.hpp>

#include "../call.h"

namespace coldstart {

// Sizes and flags that name one primitive.
using PrimitiveKey = std::vector<int64_t>;

struct PrimitiveKeyHash {
  size_t operator()(const PrimitiveKey& key) const;
};

// A compiled primitive and the memory layouts it was made for, in the order its maker lists them.
struct Primitive {
  dnnl::primitive primitive;
  std::vector<dnnl::memory::desc> layouts;
};

class OneDnn {
 public:
  OneDnn();

  // The primitive of this key, made by `make` when it is first asked for.
  const Primitive& primitive(const PrimitiveKey& key, const std::function<Primitive()>& make);
  const dnnl::engine& engine() const { return engine_; }
  void run(const dnnl::primitive& primitive, const std::unordered_map<int, dnnl::memory>& arguments);
  dnnl::memory memory(const dnnl::memory::desc& layout, const void* data) const;

 private:
  dnnl::engine engine_;
  dnnl::stream stream_;
  std::unordered_map<PrimitiveKey, Primitive, PrimitiveKeyHash> primitives_;
};

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

// Whether matrix products may round their operands to bfloat16 (sums stay float32), and whether this processor has it.
void setBfloat16(bool enabled);
bool hasBfloat16();

void registerMatMul(KernelTable& table);
void registerConvolution(KernelTable& table);
void registerPooling(KernelTable& table);
void registerBatchNorm(KernelTable& table);

}  // namespace coldstart
