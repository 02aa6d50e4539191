#include "instructionSet.h"

#include <cstdlib>
#include <string>

namespace coldstart {

namespace baseline {
void registerAll(KernelTable& table);
}
namespace avx2 {
void registerAll(KernelTable& table);
}
namespace avx512 {
void registerAll(KernelTable& table);
}

const char* registerKernels(KernelTable& table) {
#if defined(__x86_64__)
  const char* named = std::getenv("COLDSTART_INSTRUCTION_SET");
  const std::string wanted = named == nullptr ? "" : named;
  const bool hasAvx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool hasAvx512 = hasAvx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                         __builtin_cpu_supports("avx512cd");
  if (hasAvx512 && wanted != "avx2" && wanted != "baseline") {
    avx512::registerAll(table);
    return "avx512";
  }
  if (hasAvx2 && wanted != "baseline") {
    avx2::registerAll(table);
    return "avx2";
  }
#endif
  baseline::registerAll(table);
  return "baseline";
}

}  // namespace coldstart
