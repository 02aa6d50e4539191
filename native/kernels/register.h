// The kernels compiled once per instruction set. Everything in a file of this folder is in the namespace of the
// instruction set it is compiled for, and uses no inline function of the standard library with external linkage: the
// linker keeps one copy of such a function for the whole addon, and it could be one that this processor cannot run.
#pragma once

#include "../call.h"

#define COLDSTART_KERNELS_BEGIN \
  namespace coldstart {         \
  namespace COLDSTART_INSTRUCTION_SET {
#define COLDSTART_KERNELS_END \
  }                           \
  }

COLDSTART_KERNELS_BEGIN
void registerUnary(KernelTable& table);
void registerBinary(KernelTable& table);
void registerReduce(KernelTable& table);
void registerRows(KernelTable& table);
void registerMovement(KernelTable& table);
void registerIndexing(KernelTable& table);
void registerGenerate(KernelTable& table);
void registerDropout(KernelTable& table);
void registerLinear(KernelTable& table);
void registerWindows(KernelTable& table);
void registerLayerNorm(KernelTable& table);
void registerAttention(KernelTable& table);
void registerCachedAttention(KernelTable& table);
void registerTopLogProbs(KernelTable& table);
void registerEmbedding(KernelTable& table);
void registerCrossEntropy(KernelTable& table);
void registerCrossEntropyHessian(KernelTable& table);
void registerOptimizers(KernelTable& table);
COLDSTART_KERNELS_END
