// One kernel call as the addon reads it from JavaScript: checked tensors and numbers, and the errors it throws.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

namespace coldstart {

class Memory;
class OneDnn;

// What a kernel throws; the addon turns it into a JavaScript error with the kernel's name and every shape.
class KernelError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum DType : int32_t { kFloat32 = 0, kInt32 = 1, kBool = 2 };
constexpr int kMaxRank = 10;

// A dense row-major tensor. Plain data: kernels compiled for several instruction sets share it.
struct Tensor {
  void* data;
  int64_t size;
  int64_t dims[kMaxRank];
  int32_t rank;
  int32_t dtype;

  __attribute__((always_inline)) const float* f32() const { return static_cast<const float*>(data); }
  __attribute__((always_inline)) float* f32() { return static_cast<float*>(data); }
  __attribute__((always_inline)) const int32_t* i32() const { return static_cast<const int32_t*>(data); }
  __attribute__((always_inline)) int32_t* i32() { return static_cast<int32_t*>(data); }
  __attribute__((always_inline)) const uint8_t* u8() const { return static_cast<const uint8_t*>(data); }
  __attribute__((always_inline)) uint8_t* u8() { return static_cast<uint8_t*>(data); }
};

// Inputs come first and outputs after them, as the TypeScript side of the kernel lists them.
class Call {
 public:
  Call(Memory& memory, OneDnn& oneDnn) : memory_(memory), oneDnn_(oneDnn) {}

  // Reads [tensor count, attribute count, (handle, dtype, rank, dims …) …, attributes …]; throws KernelError if
  // anything is out of bounds.
  void parse(const double* words, size_t length);

  int tensorCount() const;
  // These throw KernelError if the call lacks what the kernel asks for.
  Tensor& tensor(int index);
  Tensor& floats(int index);
  Tensor& ints(int index);
  Tensor& bools(int index);
  // A float tensor of exactly this many elements.
  Tensor& floats(int index, int64_t size);
  Tensor& ints(int index, int64_t size);
  double attr(int index) const;
  int64_t integer(int index) const;
  int attrCount() const;

  // 64-byte aligned memory until the end of the call.
  float* scratchFloats(int64_t count);
  void* scratch(int64_t bytes);

  OneDnn& oneDnn() { return oneDnn_; }
  std::string describe() const;

 private:
  Memory& memory_;
  OneDnn& oneDnn_;
  std::vector<Tensor> tensors_;
  std::vector<double> attrs_;
};

// The product of sizes. Throws KernelError if one is negative, or if the product is more elements than memory can hold:
// sizes that JavaScript passes must not wrap around to a product that fits.
int64_t elementsOf(std::initializer_list<int64_t> sizes);

// Throws KernelError with the message unless the condition holds.
void require(bool condition, const char* message);
[[noreturn]] void fail(const std::string& message);
// Throws KernelError: `what` `found` is not in [0, last].
[[noreturn]] void failPosition(const char* what, int64_t found, int64_t last);

using Kernel = void (*)(Call&);
struct KernelEntry {
  const char* name;
  Kernel run;
};
using KernelTable = std::vector<KernelEntry>;
void add(KernelTable& table, const char* name, Kernel run);

}  // namespace coldstart
