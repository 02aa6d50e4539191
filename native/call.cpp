#include "call.h"

#include <cmath>

#include "memory.h"

namespace coldstart {

namespace {

class Reader {
 public:
  Reader(const double* words, size_t length) : words_(words), length_(length) {}
  double number() {
    if (next_ >= length_) fail("the call is shorter than its header says");
    return words_[next_++];
  }
  int64_t integer(int64_t least, int64_t most) {
    const double value = number();
    if (!(value >= static_cast<double>(least) && value <= static_cast<double>(most)) || value != std::floor(value)) {
      fail("found " + std::to_string(value) + " where an integer from " + std::to_string(least) + " to " +
           std::to_string(most) + " was expected");
    }
    return static_cast<int64_t>(value);
  }

 private:
  const double* words_;
  size_t length_;
  size_t next_ = 0;
};

constexpr int64_t kMaxElements = int64_t{1} << 44;

}  // namespace

void fail(const std::string& message) { throw KernelError(message); }

void failPosition(const char* what, int64_t found, int64_t last) {
  fail(std::string(what) + " " + std::to_string(found) + " is not in [0, " + std::to_string(last) + "]");
}

int64_t elementsOf(std::initializer_list<int64_t> sizes) {
  bool isEmpty = false;
  for (int64_t size : sizes) {
    if (size < 0) fail("found the size " + std::to_string(size) + ", expected none below 0");
    isEmpty = isEmpty || size == 0;
  }
  if (isEmpty) return 0;
  int64_t product = 1;
  for (int64_t size : sizes) {
    if (size > kMaxElements / product) fail("the sizes multiply to more elements than memory can hold");
    product *= size;
  }
  return product;
}

void require(bool condition, const char* message) {
  if (!condition) throw KernelError(message);
}

void Call::parse(const double* words, size_t length) {
  tensors_.clear();
  attrs_.clear();
  Reader reader(words, length);
  const int64_t tensorCount = reader.integer(0, static_cast<int64_t>(length));
  const int64_t attrCount = reader.integer(0, static_cast<int64_t>(length));
  for (int64_t i = 0; i < tensorCount; i++) {
    Tensor tensor{};
    const int32_t handle = static_cast<int32_t>(reader.integer(0, INT32_MAX));
    tensor.dtype = static_cast<int32_t>(reader.integer(kFloat32, kBool));
    tensor.rank = static_cast<int32_t>(reader.integer(0, kMaxRank));
    // sizes of 0 are ignored, so that no product of a subset of the sizes can wrap around in a kernel either
    int64_t extent = 1;
    bool isEmpty = false;
    for (int32_t d = 0; d < tensor.rank; d++) {
      const int64_t size = tensor.dims[d] = reader.integer(0, kMaxElements);
      isEmpty = isEmpty || size == 0;
      if (size > kMaxElements / extent) fail("a tensor has more elements than memory can hold");
      if (size != 0) extent *= size;
    }
    tensor.size = isEmpty ? 0 : extent;
    const size_t itemBytes = tensor.dtype == kBool ? 1 : 4;
    tensor.data = memory_.data(handle);
    if (static_cast<size_t>(tensor.size) * itemBytes > memory_.bytes(handle)) {
      fail("tensor " + std::to_string(i) + " has " + std::to_string(tensor.size) + " elements but its memory holds " +
           std::to_string(memory_.bytes(handle)) + " bytes");
    }
    tensors_.push_back(tensor);
  }
  for (int64_t i = 0; i < attrCount; i++) attrs_.push_back(reader.number());
}

int Call::tensorCount() const { return static_cast<int>(tensors_.size()); }

int Call::attrCount() const { return static_cast<int>(attrs_.size()); }

void add(KernelTable& table, const char* name, Kernel run) { table.push_back({name, run}); }

Tensor& Call::tensor(int index) {
  if (index < 0 || index >= tensorCount())
    fail("found " + std::to_string(tensorCount()) + " tensors, expected at least " + std::to_string(index + 1));
  return tensors_[index];
}

Tensor& Call::floats(int index) {
  Tensor& found = tensor(index);
  if (found.dtype != kFloat32) fail("tensor " + std::to_string(index) + " must be float32");
  return found;
}

Tensor& Call::ints(int index) {
  Tensor& found = tensor(index);
  if (found.dtype != kInt32) fail("tensor " + std::to_string(index) + " must be int32");
  return found;
}

Tensor& Call::bools(int index) {
  Tensor& found = tensor(index);
  if (found.dtype != kBool) fail("tensor " + std::to_string(index) + " must be bool");
  return found;
}

namespace {

Tensor& withSize(Tensor& tensor, int index, int64_t size) {
  if (tensor.size != size) {
    fail("tensor " + std::to_string(index) + " has " + std::to_string(tensor.size) + " elements, expected " +
         std::to_string(size));
  }
  return tensor;
}

}  // namespace

Tensor& Call::floats(int index, int64_t size) { return withSize(floats(index), index, size); }

Tensor& Call::ints(int index, int64_t size) { return withSize(ints(index), index, size); }

double Call::attr(int index) const {
  if (index < 0 || index >= attrCount())
    fail("found " + std::to_string(attrCount()) + " attributes, expected at least " + std::to_string(index + 1));
  return attrs_[index];
}

int64_t Call::integer(int index) const {
  const double value = attr(index);
  if (!(std::fabs(value) <= 9007199254740992.0) || value != std::floor(value))
    fail("attribute " + std::to_string(index) + " must be an integer");
  return static_cast<int64_t>(value);
}

void* Call::scratch(int64_t bytes) { return memory_.scratch(static_cast<size_t>(bytes)); }

float* Call::scratchFloats(int64_t count) { return static_cast<float*>(scratch(count * 4)); }

std::string Call::describe() const {
  static const char* names[] = {"float32", "int32", "bool"};
  std::string text;
  for (const Tensor& tensor : tensors_) {
    if (!text.empty()) text += ", ";
    text += names[tensor.dtype];
    text += " [";
    for (int32_t d = 0; d < tensor.rank; d++) text += (d == 0 ? "" : ",") + std::to_string(tensor.dims[d]);
    text += "]";
  }
  return text;
}

}  // namespace coldstart
