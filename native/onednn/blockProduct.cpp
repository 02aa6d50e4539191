#include "blockProduct.h"

#include <omp.h>

#include "oneDnn.h"
#include "versions.h"

namespace coldstart {

namespace {

constexpr auto kFloat = dnnl::memory::data_type::f32;

dnnl::memory::data_type typeOf(const MatrixView& view) { return view.isBf16 ? dnnl::memory::data_type::bf16 : kFloat; }

// oneDNN plans a primitive for the number of threads at the time it is made.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }

 private:
  int before_;
};

}  // namespace

class BlockProduct {
 public:
  BlockProduct(const dnnl::engine& engine, const Product& p) : engine_(engine), stream_(engine) {
    OneThread oneThread;
    const dnnl::memory::desc a({p.rows, p.inner}, typeOf(p.a), Dims{p.a.rowStride, p.a.columnStride});
    plain_ = {{p.inner, p.columns}, typeOf(p.b), Dims{p.b.rowStride, p.b.columnStride}};
    const dnnl::memory::desc b =
        p.packed ? dnnl::memory::desc({p.inner, p.columns}, typeOf(p.b), dnnl::memory::format_tag::any) : plain_;
    const dnnl::memory::desc out({p.rows, p.columns}, kFloat, Dims{p.outRowStride, 1});
    dnnl::primitive_attr attributes;
    // the library's own scratch memory belongs to the thread that made the primitive
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (p.accumulate) {
      dnnl::post_ops after;
      after.append_sum(1.0f);
      attributes.set_post_ops(after);
    }
    const dnnl::matmul::primitive_desc chosen = ProductDescription(a, b, nullptr, out, attributes, engine).make();
    primitive_ = dnnl::matmul(chosen);
    a_ = a;
    b_ = chosen.weights_desc();
    out_ = out;
    scratch_ = chosen.scratchpad_desc();
    if (p.packed) packing_ = dnnl::reorder(dnnl::reorder::primitive_desc(engine, plain_, engine, b_));
  }

  void run(const void* a, const void* b, float* out, void* scratch) const {
    primitive_.execute(stream_, {{DNNL_ARG_SRC, memory(a_, a)},
                                 {DNNL_ARG_WEIGHTS, memory(b_, b)},
                                 {DNNL_ARG_DST, memory(out_, out)},
                                 {DNNL_ARG_SCRATCHPAD, memory(scratch_, scratch)}});
  }

  dnnl::memory memory(const dnnl::memory::desc& layout, const void* data) const {
    return {layout, engine_, const_cast<void*>(data)};
  }
  const dnnl::memory::desc& plain() const { return plain_; }
  const dnnl::memory::desc& packed() const { return b_; }
  const dnnl::memory::desc& scratch() const { return scratch_; }
  const dnnl::primitive& packing() const { return packing_; }

 private:
  dnnl::engine engine_;
  // on a CPU a stream runs its work at once, on the calling thread
  mutable dnnl::stream stream_;
  dnnl::matmul primitive_;
  dnnl::reorder packing_;
  dnnl::memory::desc a_, plain_, b_, out_, scratch_;
};

const BlockProduct& blockProduct(OneDnn& oneDnn, const Product& p) {
  const PrimitiveKey key{'b',
                         p.rows,
                         p.inner,
                         p.columns,
                         p.a.rowStride,
                         p.a.columnStride,
                         p.b.rowStride,
                         p.b.columnStride,
                         p.outRowStride,
                         (p.accumulate ? 1 : 0) | (p.packed ? 2 : 0) | (p.a.isBf16 ? 4 : 0) | (p.b.isBf16 ? 8 : 0)};
  return oneDnn.blockProduct(key, [&] { return std::make_shared<BlockProduct>(oneDnn.engine(), p); });
}

size_t packedBytes(const BlockProduct& product) { return product.packed().get_size(); }

size_t scratchBytes(const BlockProduct& product) { return product.scratch().get_size(); }

void packRight(OneDnn& oneDnn, const BlockProduct& product, const void* b, void* packed) {
  const dnnl::memory from = oneDnn.memory(product.plain(), b);
  const dnnl::memory to = oneDnn.memory(product.packed(), packed);
  oneDnn.run(product.packing(), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
}

bool multiplyBlock(const BlockProduct& product, const void* a, const void* b, float* out, void* scratch) noexcept {
  try {
    product.run(a, b, out, scratch);
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace coldstart
