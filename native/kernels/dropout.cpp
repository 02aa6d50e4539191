// Dropout on its own: x → y. Attributes: the draw.
#include "philox.h"

COLDSTART_KERNELS_BEGIN

namespace {

void dropout(Call& call) {
  const Tensor& x = call.floats(0);
  Tensor& y = call.floats(1, x.size);
  const Draw draw = drawOf(call, 0);
  parallelElements(x.size, [&](int64_t begin, int64_t end) {
    dropoutSpan<false>(draw, begin, end - begin, x.f32() + begin, nullptr, y.f32() + begin);
  });
}

}  // namespace

void registerDropout(KernelTable& table) { add(table, "Dropout", dropout); }

COLDSTART_KERNELS_END
