#include "register.h"

COLDSTART_KERNELS_BEGIN

void registerAll(KernelTable& table) {
  registerUnary(table);
  registerBinary(table);
  registerReduce(table);
  registerRows(table);
  registerMovement(table);
  registerIndexing(table);
  registerGenerate(table);
  registerDropout(table);
  registerLinear(table);
  registerWindows(table);
  registerLayerNorm(table);
  registerAttention(table);
  registerCachedAttention(table);
  registerTopLogProbs(table);
  registerEmbedding(table);
  registerCrossEntropy(table);
  registerCrossEntropyHessian(table);
  registerOptimizers(table);
}

COLDSTART_KERNELS_END
