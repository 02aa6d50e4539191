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
}

COLDSTART_KERNELS_END
