// Matrix products.
#include "oneDnn.h"

#include <cstring>

#include "versions.h"

namespace coldstart {

namespace {

using Type = dnnl::memory::data_type;
constexpr auto kFloat = Type::f32;

// Rounding the operands costs more than it saves below this many multiplications, and for AMX with fewer than 32
// numbers to add up.
constexpr int64_t kLeastBf16Work = int64_t{1} << 18;
constexpr int64_t kLeastBf16Inner = 32;

Type typeOf(const MatrixView& view) { return view.isBf16 ? Type::bf16 : Type::f32; }

// oneDNN lists what can do a product in its own order of preference. Second is "gemm", which is faster than the first
// on a processor with AVX-512 and no AMX (docs/notes/performance.md): by 5 to 10 % as a rule, and by up to 70 % in bf16
// where the left operand is transposed or the product is added to the output. The library's choice is kept with AMX,
// and for packed operands, batches, and the products of blocks (blockProduct.cpp), where gemm was slower on two
// threads.
dnnl::matmul::primitive_desc fastest(const ProductDescription& description) {
  dnnl::matmul::primitive_desc candidate = description.make();
  if (hasAmx()) return candidate;
  do {
    if (std::strncmp(candidate.impl_info_str(), "gemm:jit", 8) == 0) return candidate;
  } while (candidate.next_impl());
  return description.make();
}

Primitive makeProduct(OneDnn& oneDnn, const Product& p) {
  dnnl::memory::desc a, b, out, bias;
  if (p.batch == 1) {
    a = {{p.rows, p.inner}, typeOf(p.a), Dims{p.a.rowStride, p.a.columnStride}};
    b = {{p.inner, p.columns}, typeOf(p.b), Dims{p.b.rowStride, p.b.columnStride}};
    out = {{p.rows, p.columns}, kFloat, Dims{p.outRowStride, 1}};
    bias = {{1, p.columns}, kFloat, Dims{p.columns, 1}};
  } else {
    a = {{p.a.batch, p.rows, p.inner}, typeOf(p.a), Dims{p.a.batchStride, p.a.rowStride, p.a.columnStride}};
    b = {{p.b.batch, p.inner, p.columns}, typeOf(p.b), Dims{p.b.batchStride, p.b.rowStride, p.b.columnStride}};
    out = {{p.batch, p.rows, p.columns}, kFloat, Dims{p.rows * p.outRowStride, p.outRowStride, 1}};
    bias = {{1, 1, p.columns}, kFloat, Dims{p.columns, p.columns, 1}};
  }
  if (p.packed) b = {{p.inner, p.columns}, typeOf(p.b), dnnl::memory::format_tag::any};
  dnnl::primitive_attr attributes;
  if (p.accumulate) {
    dnnl::post_ops after;
    after.append_sum(1.0f);
    attributes.set_post_ops(after);
  }
  const ProductDescription description(a, b, p.bias == nullptr ? nullptr : &bias, out, attributes, oneDnn.engine());
  const auto chosen = p.packed || p.batch > 1 ? description.make() : fastest(description);
  return {dnnl::matmul(chosen), {a, chosen.weights_desc(), out, bias}};
}

// x [aBatch, rows, inner] (or its transpose), y [bBatch, inner, columns] (or its transpose), bias? → [batch, rows,
// columns] Attributes: batch of a, batch of b, rows, inner, columns, a transposed, b transposed, has bias.
void matMul(Call& call) {
  Product p{};
  const int64_t aBatch = call.integer(0), bBatch = call.integer(1);
  p.rows = call.integer(2);
  p.inner = call.integer(3);
  p.columns = call.integer(4);
  const bool aTransposed = call.integer(5) != 0, bTransposed = call.integer(6) != 0, hasBias = call.integer(7) != 0;
  require(aBatch == bBatch || aBatch == 1 || bBatch == 1, "the batches do not broadcast");
  p.batch = aBatch == 1 ? bBatch : aBatch;
  const Tensor& a = call.floats(0, elementsOf({aBatch, p.rows, p.inner}));
  const Tensor& b = call.floats(1, elementsOf({bBatch, p.inner, p.columns}));
  Tensor& out = call.floats(hasBias ? 3 : 2, elementsOf({p.batch, p.rows, p.columns}));
  if (hasBias) p.bias = call.floats(2, p.columns).f32();
  p.a = {a.f32(), aBatch, p.rows * p.inner, aTransposed ? 1 : p.inner, aTransposed ? p.rows : 1};
  p.b = {b.f32(), bBatch, p.inner * p.columns, bTransposed ? 1 : p.columns, bTransposed ? p.inner : 1};
  p.out = out.f32();
  p.outRowStride = p.columns;
  multiply(call, p);
}

}  // namespace

namespace {

const Primitive& primitiveOf(OneDnn& oneDnn, const Product& p) {
  const PrimitiveKey key{'m',
                         p.batch,
                         p.rows,
                         p.inner,
                         p.columns,
                         p.a.batch,
                         p.a.batchStride,
                         p.a.rowStride,
                         p.a.columnStride,
                         p.b.batch,
                         p.b.batchStride,
                         p.b.rowStride,
                         p.b.columnStride,
                         p.outRowStride,
                         (p.bias != nullptr ? 1 : 0) | (p.accumulate ? 2 : 0) | (p.packed ? 4 : 0) |
                             (p.a.isBf16 ? 8 : 0) | (p.b.isBf16 ? 16 : 0)};
  return oneDnn.primitive(key, [&] { return makeProduct(oneDnn, p); });
}

bool isDense(const MatrixView& view, int64_t rows, int64_t columns) {
  return (view.rowStride == columns && view.columnStride == 1) || (view.rowStride == 1 && view.columnStride == rows);
}

// The result of a product with inner size 0, which oneDNN rejects: the bias, or zeros.
void writeSumsOfNothing(const Product& p) {
  for (int64_t row = 0; row < p.batch * p.rows && !p.accumulate; row++) {
    for (int64_t column = 0; column < p.columns; column++)
      p.out[row * p.outRowStride + column] = p.bias != nullptr ? p.bias[column] : 0.0f;
  }
}

void execute(OneDnn& oneDnn, const Product& p) {
  const Primitive& made = primitiveOf(oneDnn, p);
  std::unordered_map<int, dnnl::memory> arguments{{DNNL_ARG_SRC, oneDnn.memory(made.layouts[0], p.a.data)},
                                                  {DNNL_ARG_WEIGHTS, oneDnn.memory(made.layouts[1], p.b.data)},
                                                  {DNNL_ARG_DST, oneDnn.memory(made.layouts[2], p.out)}};
  if (p.bias != nullptr) arguments.emplace(DNNL_ARG_BIAS, oneDnn.memory(made.layouts[3], p.bias));
  oneDnn.run(made.primitive, arguments);
}

}  // namespace

const char* bf16Unit() {
  // every later instruction set has the bits of this one
  const int has = static_cast<int>(dnnl::get_effective_cpu_isa());
  const auto includes = [has](dnnl::cpu_isa set) { return (has & static_cast<int>(set)) == static_cast<int>(set); };
  if (includes(dnnl::cpu_isa::avx512_core_amx)) return "amx";
  return includes(dnnl::cpu_isa::avx512_core_bf16) ? "avx512" : "";
}

bool hasAmx() { return std::strcmp(bf16Unit(), "amx") == 0; }

bool roundsOperands(const OneDnn& oneDnn, const Product& p) {
  return oneDnn.precision() == Precision::kBf16 && p.batch == 1 && !p.packed && p.inner >= kLeastBf16Inner &&
         p.rows * p.inner * p.columns >= kLeastBf16Work && isDense(p.a, p.rows, p.inner) &&
         isDense(p.b, p.inner, p.columns);
}

MatrixView toBf16(Call& call, const MatrixView& view, int64_t count) {
  OneDnn& oneDnn = call.oneDnn();
  const dnnl::memory from = oneDnn.memory({{count}, Type::f32, Dims{1}}, view.data);
  const dnnl::memory to = oneDnn.memory({{count}, Type::bf16, Dims{1}}, call.scratch(2 * count));
  const Primitive& reorder = oneDnn.primitive({'r', count}, [&] { return Primitive{dnnl::reorder(from, to), {}}; });
  oneDnn.run(reorder.primitive, {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  MatrixView rounded = view;
  rounded.data = to.get_data_handle();
  rounded.isBf16 = true;
  return rounded;
}

void multiply(Call& call, const Product& product) {
  Product p = product;
  if (p.batch == 0 || p.rows == 0 || p.inner == 0 || p.columns == 0) return writeSumsOfNothing(p);
  if (p.a.isBf16 || p.b.isBf16 || roundsOperands(call.oneDnn(), p)) {
    if (!p.a.isBf16) p.a = toBf16(call, p.a, p.rows * p.inner);
    require(!p.packed, "a packed operand cannot be rounded");
    if (!p.b.isBf16) p.b = toBf16(call, p.b, p.inner * p.columns);
  }
  execute(call.oneDnn(), p);
}

size_t packedBytes(OneDnn& oneDnn, const Product& product) {
  Product p = product;
  p.packed = true;
  return primitiveOf(oneDnn, p).layouts[1].get_size();
}

void packRight(OneDnn& oneDnn, const Product& product, void* packed) {
  Product p = product;
  p.packed = true;
  const dnnl::memory::desc plain({p.inner, p.columns}, kFloat, Dims{p.b.rowStride, p.b.columnStride});
  const dnnl::memory from = oneDnn.memory(plain, p.b.data);
  const dnnl::memory to = oneDnn.memory(primitiveOf(oneDnn, p).layouts[1], packed);
  const PrimitiveKey key{'p', p.rows, p.inner, p.columns, p.b.rowStride, p.b.columnStride};
  const Primitive& reorder = oneDnn.primitive(key, [&] { return Primitive{dnnl::reorder(from, to), {}}; });
  oneDnn.run(reorder.primitive, {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
}

void registerMatMul(KernelTable& table) { table.push_back({"MatMul", matMul}); }

}  // namespace coldstart
