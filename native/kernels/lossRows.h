// What the cross-entropy and its Hessian share.
#pragma once

#include "loops.h"

COLDSTART_KERNELS_BEGIN

// Rows of logits that exist at a time: enough that the products run at full speed, few enough that the logits stay in
// cache.
constexpr int64_t kLossBlockRows = 256;

// hidden [rows, width], embedding [vocab, width] and a target per row.
struct LossSizes {
  int64_t rows, width, vocab;
};

// Throws if the tensors do not fit each other, or a target is neither a pad nor a token id.
inline LossSizes lossSizesOf(const Tensor& hidden, const Tensor& embedding, const Tensor& targets, int64_t padId) {
  require(
      hidden.rank == 2 && embedding.rank == 2 && hidden.dims[1] == embedding.dims[1] && targets.size == hidden.dims[0],
      "expected hidden [N, d], embedding [V, d] and N targets");
  const LossSizes sizes{hidden.dims[0], hidden.dims[1], embedding.dims[0]};
  const int32_t* target = targets.i32();
  for (int64_t row = 0; row < sizes.rows; row++) {
    if (target[row] != padId && (target[row] < 0 || target[row] >= sizes.vocab))
      failPosition("target id", target[row], sizes.vocab - 1);
  }
  return sizes;
}

COLDSTART_KERNELS_END
