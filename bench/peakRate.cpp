// The most multiply-adds that this processor's float32 registers do, on all threads at once: nothing is read from
// memory. Prints GFLOP/s, the best of seven tries. bench/arithmeticLimit.mjs compiles and runs it.
#include <omp.h>

#include <chrono>
#include <cstdio>

// As wide as the registers: of wider vectors the sums would not all stay in them.
#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
typedef float Vector __attribute__((vector_size(4 * kLanes)));

constexpr int kSums = 12;  // independent, so that none waits for the one before it
constexpr long kRounds = 20000000;

static float work() {
  Vector sums[kSums];
  for (int i = 0; i < kSums; i++) sums[i] = Vector{} + static_cast<float>(i);
  Vector factor = Vector{} + 0.999f;
  Vector term = Vector{} + 0.001f;
  // the compiler must not know them
  asm volatile("" : "+m"(factor), "+m"(term));
  for (long round = 0; round < kRounds; round++) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; i++) sums[i] = sums[i] * factor + term;
  }
  float total = 0.0f;
  for (int i = 0; i < kSums; i++) total += sums[i][0];
  return total;
}

int main() {
  double best = 0.0;
  volatile float used = 0.0f;
  for (int attempt = 0; attempt < 7; attempt++) {
    const auto started = std::chrono::steady_clock::now();
    float total = 0.0f;
#pragma omp parallel reduction(+ : total)
    total += work();
    used = total;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    const double rate = 2.0 * kLanes * kSums * kRounds * omp_get_max_threads() / seconds / 1e9;
    best = rate > best ? rate : best;
  }
  (void)used;
  std::printf("%.1f\n", best);
}
