#include "oneDnn.h"

namespace coldstart {

namespace {
// Batches of new lengths need new primitives, each with its own machine code (about 100 kB). Those of the last few
// steps are kept: up to this many whole products and this many for blocks. oneDNN has its own cache in addition.
constexpr size_t kMostPrimitives = 512;
constexpr int kMostInOneDnn = 256;
}  // namespace

size_t PrimitiveKeyHash::operator()(const PrimitiveKey& key) const {
  uint64_t hash = 1469598103934665603ull;
  for (int64_t word : key) hash = (hash ^ static_cast<uint64_t>(word)) * 1099511628211ull + (hash >> 29);
  return static_cast<size_t>(hash);
}

OneDnn::OneDnn() : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
  dnnl_set_primitive_cache_capacity(kMostInOneDnn);
}

void OneDnn::startCall() {
  primitives_.keep(kMostPrimitives);
  blockProducts_.keep(kMostPrimitives);
}

const Primitive& OneDnn::primitive(const PrimitiveKey& key, const std::function<Primitive()>& make) {
  return primitives_.get(key, make);
}

const BlockProduct& OneDnn::blockProduct(const PrimitiveKey& key,
                                         const std::function<std::shared_ptr<BlockProduct>()>& make) {
  return *blockProducts_.get(key, make);
}

void OneDnn::run(const dnnl::primitive& primitive, const std::unordered_map<int, dnnl::memory>& arguments) {
  primitive.execute(stream_, arguments);
  stream_.wait();
}

dnnl::memory OneDnn::memory(const dnnl::memory::desc& layout, const void* data) const {
  return dnnl::memory(layout, engine_, const_cast<void*>(data));
}

}  // namespace coldstart
