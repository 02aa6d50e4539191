// Matrix products that run on one thread, so that the threads of a parallel region can each multiply different blocks.
#pragma once

#include <cstddef>

#include "multiply.h"

namespace coldstart {

// A product compiled for one thread and one set of sizes and strides. It lives until the end of the kernel call.
class BlockProduct;

// The compiled product of these sizes, strides, element types and `accumulate`; data and bias are ignored. If it is
// packed, b must be rewritten by packRight first.
const BlockProduct& blockProduct(OneDnn& oneDnn, const Product& sizes);

// b's bytes in the fastest layout, and b (with the strides of `sizes`) rewritten in it.
size_t packedBytes(const BlockProduct& product);
void packRight(OneDnn& oneDnn, const BlockProduct& product, const void* b, void* packed);

// Scratch memory that a thread passes to multiplyBlock, 64-byte aligned.
size_t scratchBytes(const BlockProduct& product);

// out (+)= a b, on the calling thread. Returns false if oneDNN refuses; throws nothing, as no exception may leave the
// parallel region.
bool multiplyBlock(const BlockProduct& product, const void* a, const void* b, float* out, void* scratch) noexcept;

}  // namespace coldstart
