// Which of the compiled kernel sets this processor runs.
#pragma once

#include "call.h"

namespace coldstart {

// Adds the kernels of the best instruction set this processor has, or of the one that COLDSTART_INSTRUCTION_SET names,
// and returns its name: "avx512", "avx2" or "baseline".
const char* registerKernels(KernelTable& table);

}  // namespace coldstart
