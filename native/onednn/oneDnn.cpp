#include "oneDnn.h"

namespace coldstart {

namespace {
// Batches of ever new lengths make ever new primitives; a full cache is emptied rather than left to grow.
constexpr size_t kMostPrimitives = 4096;
}  // namespace

size_t PrimitiveKeyHash::operator()(const PrimitiveKey& key) const {
  uint64_t hash = 1469598103934665603ull;
  for (int64_t word : key) hash = (hash ^ static_cast<uint64_t>(word)) * 1099511628211ull + (hash >> 29);
  return static_cast<size_t>(hash);
}

OneDnn::OneDnn() : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
  dnnl_set_primitive_cache_capacity(1024);
}

void OneDnn::startCall() {
  if (primitives_.size() >= kMostPrimitives) primitives_.clear();
  if (blockProducts_.size() >= kMostPrimitives) blockProducts_.clear();
}

const Primitive& OneDnn::primitive(const PrimitiveKey& key, const std::function<Primitive()>& make) {
  auto found = primitives_.find(key);
  if (found != primitives_.end()) return found->second;
  return primitives_.emplace(key, make()).first->second;
}

const BlockProduct& OneDnn::blockProduct(const PrimitiveKey& key, const std::function<std::shared_ptr<BlockProduct>()>& make) {
  auto found = blockProducts_.find(key);
  if (found != blockProducts_.end()) return *found->second;
  return *blockProducts_.emplace(key, make()).first->second;
}

void OneDnn::run(const dnnl::primitive& primitive, const std::unordered_map<int, dnnl::memory>& arguments) {
  primitive.execute(stream_, arguments);
  stream_.wait();
}

dnnl::memory OneDnn::memory(const dnnl::memory::desc& layout, const void* data) const {
  return dnnl::memory(layout, engine_, const_cast<void*>(data));
}

}  // namespace coldstart
