// Element by element functions of two tensors, with broadcasting.
#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

// The two inputs walked along the output's shape, neighbouring dimensions merged where both inputs allow it.
struct Broadcast {
  int rank = 0;
  int64_t dims[kMaxRank];
  int64_t aStrides[kMaxRank];
  int64_t bStrides[kMaxRank];
};

void stridesAlong(const Tensor& x, const Tensor& out, int64_t* strides) {
  const int offset = out.rank - x.rank;
  int64_t stride = 1;
  for (int d = out.rank - 1; d >= 0; d--) {
    const int64_t dim = d < offset ? 1 : x.dims[d - offset];
    require(dim == 1 || dim == out.dims[d], "the inputs do not broadcast to the output's shape");
    strides[d] = dim == 1 ? 0 : stride;
    stride *= dim;
  }
}

Broadcast broadcastOf(const Tensor& a, const Tensor& b, const Tensor& out) {
  require(a.rank <= out.rank && b.rank <= out.rank, "an input has more dimensions than the output");
  int64_t aStrides[kMaxRank];
  int64_t bStrides[kMaxRank];
  stridesAlong(a, out, aStrides);
  stridesAlong(b, out, bStrides);
  Broadcast merged;
  for (int d = 0; d < out.rank; d++) {
    if (out.dims[d] == 1) continue;
    const int last = merged.rank - 1;
    if (last >= 0 && merged.aStrides[last] == aStrides[d] * out.dims[d] &&
        merged.bStrides[last] == bStrides[d] * out.dims[d]) {
      merged.dims[last] *= out.dims[d];
      merged.aStrides[last] = aStrides[d];
      merged.bStrides[last] = bStrides[d];
    } else {
      merged.dims[merged.rank] = out.dims[d];
      merged.aStrides[merged.rank] = aStrides[d];
      merged.bStrides[merged.rank] = bStrides[d];
      merged.rank += 1;
    }
  }
  if (merged.rank == 0) {
    merged.rank = 1;
    merged.dims[0] = 1;
    merged.aStrides[0] = merged.bStrides[0] = 0;
  }
  return merged;
}

template <typename In, typename Out, typename F>
COLDSTART_INLINE void innerLoop(const In* a, int64_t aStride, const In* b, int64_t bStride, Out* out, int64_t count,
                                F f) {
  if (aStride == 1 && bStride == 1) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++) out[i] = f(a[i], b[i]);
  } else if (aStride == 1 && bStride == 0) {
    const In value = b[0];
#pragma omp simd
    for (int64_t i = 0; i < count; i++) out[i] = f(a[i], value);
  } else if (aStride == 0 && bStride == 1) {
    const In value = a[0];
#pragma omp simd
    for (int64_t i = 0; i < count; i++) out[i] = f(value, b[i]);
  } else {
    for (int64_t i = 0; i < count; i++) out[i] = f(a[i * aStride], b[i * bStride]);
  }
}

template <typename In, typename Out, typename F>
void zip(const In* a, const In* b, Out* out, int64_t size, const Broadcast& shape, F f) {
  if (size == 0) return;
  const int inner = shape.rank - 1;
  const int64_t width = shape.dims[inner];
  const int64_t rows = size / width;
  const int64_t aStride = shape.aStrides[inner];
  const int64_t bStride = shape.bStrides[inner];
  if (rows == 1) {
    parallelElements(width, [=](int64_t begin, int64_t end) {
      innerLoop(a + begin * aStride, aStride, b + begin * bStride, bStride, out + begin, end - begin, f);
    });
    return;
  }
  parallelRanges(rows, 1, size >= kSerialElements, [=, &shape](int64_t begin, int64_t end) {
    int64_t index[kMaxRank];
    int64_t rest = begin;
    int64_t aOffset = 0;
    int64_t bOffset = 0;
    for (int d = inner - 1; d >= 0; d--) {
      index[d] = rest % shape.dims[d];
      rest /= shape.dims[d];
      aOffset += index[d] * shape.aStrides[d];
      bOffset += index[d] * shape.bStrides[d];
    }
    for (int64_t row = begin; row < end; row++) {
      innerLoop(a + aOffset, aStride, b + bOffset, bStride, out + row * width, width, f);
      for (int d = inner - 1; d >= 0; d--) {
        aOffset += shape.aStrides[d];
        bOffset += shape.bStrides[d];
        if (++index[d] < shape.dims[d]) break;
        aOffset -= shape.aStrides[d] * shape.dims[d];
        bOffset -= shape.bStrides[d] * shape.dims[d];
        index[d] = 0;
      }
    }
  });
}

template <float (*f)(float, float)>
void floatZip(Call& call) {
  const Tensor& a = call.floats(0);
  const Tensor& b = call.floats(1);
  Tensor& out = call.floats(2);
  zip(a.f32(), b.f32(), out.f32(), out.size, broadcastOf(a, b, out), [](float x, float y) { return f(x, y); });
}

template <int32_t (*f)(int32_t, int32_t)>
void intZip(Call& call) {
  const Tensor& a = call.ints(0);
  const Tensor& b = call.ints(1);
  Tensor& out = call.ints(2);
  zip(a.i32(), b.i32(), out.i32(), out.size, broadcastOf(a, b, out), [](int32_t x, int32_t y) { return f(x, y); });
}

// F is a struct whose static `of` compares two values of any type.
template <typename F>
void compare(Call& call) {
  const Tensor& a = call.tensor(0);
  const Tensor& b = call.tensor(1);
  Tensor& out = call.bools(2);
  require(a.dtype == b.dtype, "the inputs differ in type");
  const Broadcast shape = broadcastOf(a, b, out);
  if (a.dtype == kFloat32) {
    zip(a.f32(), b.f32(), out.u8(), out.size, shape,
        [](float x, float y) { return static_cast<uint8_t>(F::of(x, y)); });
  } else if (a.dtype == kInt32) {
    zip(a.i32(), b.i32(), out.u8(), out.size, shape,
        [](int32_t x, int32_t y) { return static_cast<uint8_t>(F::of(x, y)); });
  } else {
    zip(a.u8(), b.u8(), out.u8(), out.size, shape,
        [](uint8_t x, uint8_t y) { return static_cast<uint8_t>(F::of(x, y)); });
  }
}

#define FLOAT_FUNCTION(name, expression) \
  COLDSTART_INLINE float name##Of(float x, float y) { return expression; }
FLOAT_FUNCTION(add, x + y)
FLOAT_FUNCTION(sub, x - y)
FLOAT_FUNCTION(multiply, (x * y))
FLOAT_FUNCTION(divide, x / y)
FLOAT_FUNCTION(maximum, x != x ? x : (y != y ? y : (x > y ? x : y)))
FLOAT_FUNCTION(minimum, x != x ? x : (y != y ? y : (x < y ? x : y)))
FLOAT_FUNCTION(power, ::powf(x, y))
FLOAT_FUNCTION(squaredDifference, (x - y) * (x - y))
FLOAT_FUNCTION(arcTangent, ::atan2f(x, y))
FLOAT_FUNCTION(prelu, x < 0.0f ? y * x : x)
FLOAT_FUNCTION(eluGrad, y >= 0.0f ? x : x * (y + 1.0f))
#undef FLOAT_FUNCTION

// The sign of the divisor, as Python.
COLDSTART_INLINE float moduloOf(float x, float y) {
  const float rest = ::fmodf(x, y);
  return (x < 0.0f && y < 0.0f) || (x >= 0.0f && y >= 0.0f) ? rest : ::fmodf(rest + y, y);
}

COLDSTART_INLINE int32_t wrap(uint32_t x) { return static_cast<int32_t>(x); }
COLDSTART_INLINE int32_t intAddOf(int32_t x, int32_t y) {
  return wrap(static_cast<uint32_t>(x) + static_cast<uint32_t>(y));
}
COLDSTART_INLINE int32_t intSubOf(int32_t x, int32_t y) {
  return wrap(static_cast<uint32_t>(x) - static_cast<uint32_t>(y));
}
COLDSTART_INLINE int32_t intMultiplyOf(int32_t x, int32_t y) {
  return wrap(static_cast<uint32_t>(x) * static_cast<uint32_t>(y));
}
COLDSTART_INLINE int32_t intMaximumOf(int32_t x, int32_t y) { return x > y ? x : y; }
COLDSTART_INLINE int32_t intMinimumOf(int32_t x, int32_t y) { return x < y ? x : y; }

#define COMPARISON(Name, expression)            \
  struct Name {                                 \
    template <typename T>                       \
    COLDSTART_INLINE static bool of(T x, T y) { \
      return expression;                        \
    }                                           \
  };
COMPARISON(Equal, x == y)
COMPARISON(NotEqual, x != y)
COMPARISON(Less, x < y)
COMPARISON(LessEqual, x <= y)
COMPARISON(Greater, x > y)
COMPARISON(GreaterEqual, x >= y)
COMPARISON(And, x != 0 && y != 0)
COMPARISON(Or, x != 0 || y != 0)
#undef COMPARISON

// where(condition, a, b), all of one shape, or the condition a vector over the first dimension
template <typename T>
void selectItems(const uint8_t* condition, const T* a, const T* b, T* out, int64_t rows, int64_t width) {
  if (width == 1) {
    parallelElements(rows, [=](int64_t begin, int64_t end) {
#pragma omp simd
      for (int64_t i = begin; i < end; i++) {
        const T ifTrue = a[i];
        const T ifFalse = b[i];
        out[i] = condition[i] != 0 ? ifTrue : ifFalse;
      }
    });
  } else {
    parallelRows(rows, width, [=](int64_t row) {
      const T* from = (condition[row] != 0 ? a : b) + row * width;
      for (int64_t i = 0; i < width; i++) out[row * width + i] = from[i];
    });
  }
}

void select(Call& call) {
  const Tensor& condition = call.bools(0);
  const Tensor& a = call.tensor(1);
  const Tensor& b = call.tensor(2);
  Tensor& out = call.tensor(3);
  require(a.size == out.size && b.size == out.size && a.dtype == out.dtype && b.dtype == out.dtype,
          "the branches and the output must agree in size and type");
  if (out.size == 0) return;
  require(condition.size > 0 && out.size % condition.size == 0, "the condition does not fit the branches");
  const int64_t rows = condition.size;
  const int64_t width = out.size / rows;
  if (out.dtype == kBool) {
    selectItems(condition.u8(), a.u8(), b.u8(), out.u8(), rows, width);
  } else {
    selectItems(condition.u8(), a.i32(), b.i32(), out.i32(), rows, width);
  }
}

// the sum of all inputs, each of the output's size
void addN(Call& call) {
  const int inputs = call.tensorCount() - 1;
  require(inputs >= 1, "there is nothing to add");
  Tensor& out = call.floats(inputs);
  for (int i = 0; i < inputs; i++) call.floats(i, out.size);
  parallelElements(out.size, [&](int64_t begin, int64_t end) {
    constexpr int64_t kBlock = 1024;
    float* sum = out.f32();
    for (int64_t start = begin; start < end; start += kBlock) {
      const int64_t stop = smaller(start + kBlock, end);
      const float* first = call.floats(0).f32();
#pragma omp simd
      for (int64_t j = start; j < stop; j++) sum[j] = first[j];
      for (int i = 1; i < inputs; i++) {
        const float* x = call.floats(i).f32();
#pragma omp simd
        for (int64_t j = start; j < stop; j++) sum[j] += x[j];
      }
    }
  });
}

}  // namespace

void registerBinary(KernelTable& table) {
  add(table, "Add", floatZip<addOf>);
  add(table, "Sub", floatZip<subOf>);
  add(table, "Multiply", floatZip<multiplyOf>);
  add(table, "RealDiv", floatZip<divideOf>);
  add(table, "Maximum", floatZip<maximumOf>);
  add(table, "Minimum", floatZip<minimumOf>);
  add(table, "Pow", floatZip<powerOf>);
  add(table, "SquaredDifference", floatZip<squaredDifferenceOf>);
  add(table, "Atan2", floatZip<arcTangentOf>);
  add(table, "Mod", floatZip<moduloOf>);
  add(table, "Prelu", floatZip<preluOf>);
  add(table, "EluGrad", floatZip<eluGradOf>);
  add(table, "IntAdd", intZip<intAddOf>);
  add(table, "IntSub", intZip<intSubOf>);
  add(table, "IntMultiply", intZip<intMultiplyOf>);
  add(table, "IntMaximum", intZip<intMaximumOf>);
  add(table, "IntMinimum", intZip<intMinimumOf>);
  add(table, "Equal", compare<Equal>);
  add(table, "NotEqual", compare<NotEqual>);
  add(table, "Less", compare<Less>);
  add(table, "LessEqual", compare<LessEqual>);
  add(table, "Greater", compare<Greater>);
  add(table, "GreaterEqual", compare<GreaterEqual>);
  add(table, "LogicalAnd", compare<And>);
  add(table, "LogicalOr", compare<Or>);
  add(table, "Select", select);
  add(table, "AddN", addN);
}

COLDSTART_KERNELS_END
