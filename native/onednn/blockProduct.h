// Matrix products that one thread runs by itself, so that the threads of a parallel region can each multiply blocks of their own.
#pragma once

#include <cstddef>

#include "multiply.h"

namespace coldstart {

// A product compiled for one thread and one set of sizes and strides. It lives until the end of the kernel call.
class BlockProduct;

// The compiled product of these sizes, strides, element types and `accumulate`; data and bias are ignored. If it is packed, b must be
// rewritten by packRight first.
const BlockProduct& blockProduct(OneDnn& oneDnn, const Product& sizes);

// b's bytes in the layout that is multiplied fastest, and b (with the strides of `sizes`) rewritten in it.
size_t packedBytes(const BlockProduct& product);
void packRight(OneDnn& oneDnn, const BlockProduct& product, const void* b, void* packed);

// What a thread must lend to multiplyBlock, 64-byte aligned.
size_t scratchBytes(const BlockProduct& product);

// out (+)= a b, on the calling thread. False if oneDNN refuses; it throws nothing, as nothing may leave the region.
bool multiplyBlock(const BlockProduct& product, const void* a, const void* b, float* out, void* scratch) noexcept;

}  // namespace coldstart
