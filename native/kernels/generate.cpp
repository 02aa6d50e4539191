// Tensors made from numbers, without input tensors.
#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

template <typename T>
void fillItems(T* out, int64_t size, T value) {
  parallelElements(size, [=](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; i++) out[i] = value;
  });
}

// attribute: the value
void fill(Call& call) {
  Tensor& out = call.tensor(0);
  const double value = call.attr(0);
  if (out.dtype == kFloat32) {
    fillItems(out.f32(), out.size, static_cast<float>(value));
  } else if (out.dtype == kInt32) {
    require(value >= -2147483648.0 && value <= 2147483647.0, "the value does not fit int32");
    fillItems(out.i32(), out.size, static_cast<int32_t>(value));
  } else {
    fillItems(out.u8(), out.size, static_cast<uint8_t>(value != 0.0));
  }
}

// attributes: start, step; each element start + i * step in double precision
void range(Call& call) {
  Tensor& out = call.tensor(0);
  const double start = call.attr(0);
  const double step = call.attr(1);
  require(out.dtype != kBool, "a range cannot be bool");
  if (out.dtype == kInt32) {
    const double last = start + step * static_cast<double>(out.size > 0 ? out.size - 1 : 0);
    require(start >= -2147483648.0 && start <= 2147483647.0 && last >= -2147483648.0 && last <= 2147483647.0,
            "the range does not fit int32");
  }
  for (int64_t i = 0; i < out.size; i++) {
    const double value = start + static_cast<double>(i) * step;
    if (out.dtype == kFloat32) {
      out.f32()[i] = static_cast<float>(value);
    } else {
      out.i32()[i] = static_cast<int32_t>(value);
    }
  }
}

}  // namespace

void registerGenerate(KernelTable& table) {
  add(table, "Fill", fill);
  add(table, "Range", range);
}

COLDSTART_KERNELS_END
