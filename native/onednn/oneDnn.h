// oneDNN's engine, stream and compiled primitives of one JavaScript environment.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <dnnl.hpp>

#include "../call.h"
#include "multiply.h"
#include "recent.h"

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

class BlockProduct;

class OneDnn {
 public:
  OneDnn();

  // Called before each kernel call: what a call receives lives until the next one.
  void startCall();

  // The primitive of this key, made by `make` on first use.
  const Primitive& primitive(const PrimitiveKey& key, const std::function<Primitive()>& make);
  const BlockProduct& blockProduct(const PrimitiveKey& key, const std::function<std::shared_ptr<BlockProduct>()>& make);
  const dnnl::engine& engine() const { return engine_; }
  void run(const dnnl::primitive& primitive, const std::unordered_map<int, dnnl::memory>& arguments);
  dnnl::memory memory(const dnnl::memory::desc& layout, const void* data) const;

  // The number of compiled primitives kept.
  size_t held() const { return primitives_.size() + blockProducts_.size(); }

  Precision precision() const { return precision_; }
  void setPrecision(Precision precision) { precision_ = precision; }

 private:
  dnnl::engine engine_;
  dnnl::stream stream_;
  Recent<PrimitiveKey, Primitive, PrimitiveKeyHash> primitives_;
  Recent<PrimitiveKey, std::shared_ptr<BlockProduct>, PrimitiveKeyHash> blockProducts_;
  Precision precision_ = Precision::kFloat32;
};

void registerMatMul(KernelTable& table);
void registerConvolution(KernelTable& table);

}  // namespace coldstart
