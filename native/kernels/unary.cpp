// Element by element functions of one tensor.
#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

template <typename In, typename Out, typename F>
void map(const In* x, Out* y, int64_t count, F f) {
  parallelElements(count, [=](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; i++) y[i] = f(x[i]);
  });
}

template <float (*f)(float)>
void floatMap(Call& call) {
  const Tensor& x = call.floats(0);
  map(x.f32(), call.floats(1, x.size).f32(), x.size, [](float v) { return f(v); });
}

template <float (*f)(float, float)>
void floatMapWithAttr(Call& call) {
  const Tensor& x = call.floats(0);
  const float a = static_cast<float>(call.attr(0));
  map(x.f32(), call.floats(1, x.size).f32(), x.size, [a](float v) { return f(v, a); });
}

template <int32_t (*f)(int32_t)>
void intMap(Call& call) {
  const Tensor& x = call.ints(0);
  map(x.i32(), call.ints(1, x.size).i32(), x.size, [](int32_t v) { return f(v); });
}

template <bool (*f)(float)>
void testFloats(Call& call) {
  const Tensor& x = call.floats(0);
  Tensor& y = call.bools(1);
  require(x.size == y.size, "input and output differ in size");
  map(x.f32(), y.u8(), x.size, [](float v) { return static_cast<uint8_t>(f(v)); });
}

#define FLOAT_FUNCTION(name, expression) \
  COLDSTART_INLINE float name##Of(float x) { return expression; }

constexpr float kSeluAlpha = 1.6732632423543772848170429916717f;
constexpr float kSeluScale = 1.0507009873554804934193349852946f;

FLOAT_FUNCTION(abs, x < 0.0f ? -x : (x == 0.0f ? 0.0f : x))
FLOAT_FUNCTION(neg, -x)
FLOAT_FUNCTION(exp, vectorExp(x))
FLOAT_FUNCTION(expm1, ::expm1f(x))
FLOAT_FUNCTION(log, vectorLog(x))
FLOAT_FUNCTION(log1p, ::log1pf(x))
FLOAT_FUNCTION(sqrt, __builtin_sqrtf(x))
FLOAT_FUNCTION(rsqrt, 1.0f / __builtin_sqrtf(x))
FLOAT_FUNCTION(square, (x * x))
FLOAT_FUNCTION(reciprocal, 1.0f / x)
FLOAT_FUNCTION(relu, x < 0.0f ? 0.0f : x)
FLOAT_FUNCTION(relu6, x < 0.0f ? 0.0f : (x > 6.0f ? 6.0f : x))
FLOAT_FUNCTION(elu, x >= 0.0f ? x : vectorExp(x) - 1.0f)
FLOAT_FUNCTION(selu, x >= 0.0f ? kSeluScale * x : kSeluScale * kSeluAlpha * (vectorExp(x) - 1.0f))
FLOAT_FUNCTION(sigmoid, vectorSigmoid(x))
FLOAT_FUNCTION(softplus, x > 15.0f ? x : ::log1pf(vectorExp(x)))
FLOAT_FUNCTION(tanh, vectorTanh(x))
FLOAT_FUNCTION(sin, ::sinf(x))
FLOAT_FUNCTION(cos, ::cosf(x))
FLOAT_FUNCTION(tan, static_cast<float>(::tan(static_cast<double>(x))))  // near the poles float32 is not enough
FLOAT_FUNCTION(asin, ::asinf(x))
FLOAT_FUNCTION(acos, ::acosf(x))
FLOAT_FUNCTION(atan, ::atanf(x))
FLOAT_FUNCTION(sinh, ::sinhf(x))
FLOAT_FUNCTION(cosh, ::coshf(x))
FLOAT_FUNCTION(asinh, ::asinhf(x))
FLOAT_FUNCTION(acosh, ::acoshf(x))
FLOAT_FUNCTION(atanh, ::atanhf(x))
FLOAT_FUNCTION(erf, ::erff(x))
FLOAT_FUNCTION(floor, __builtin_floorf(x))
FLOAT_FUNCTION(ceil, __builtin_ceilf(x))
FLOAT_FUNCTION(round, __builtin_rintf(x))  // half to even
FLOAT_FUNCTION(sign, x > 0.0f ? 1.0f : (x < 0.0f ? -1.0f : 0.0f))

COLDSTART_INLINE float leakyReluOf(float x, float alpha) { return x < 0.0f ? alpha * x : x; }
COLDSTART_INLINE float stepOf(float x, float alpha) { return x != x ? x : (x > 0.0f ? 1.0f : alpha); }

COLDSTART_INLINE bool isNanOf(float x) { return x != x; }
COLDSTART_INLINE bool isInfOf(float x) { return x == __builtin_inff() || x == -__builtin_inff(); }
COLDSTART_INLINE bool isFiniteOf(float x) { return x - x == 0.0f; }

// Unsigned arithmetic: integers wrap around as in JavaScript's typed arrays, where signed overflow would be undefined.
COLDSTART_INLINE int32_t intNegOf(int32_t x) { return static_cast<int32_t>(0u - static_cast<uint32_t>(x)); }
COLDSTART_INLINE int32_t intAbsOf(int32_t x) { return x < 0 ? intNegOf(x) : x; }
COLDSTART_INLINE int32_t intSquareOf(int32_t x) {
  return static_cast<int32_t>(static_cast<uint32_t>(x) * static_cast<uint32_t>(x));
}
COLDSTART_INLINE int32_t intReluOf(int32_t x) { return x < 0 ? 0 : x; }

void clip(Call& call) {
  const Tensor& x = call.floats(0);
  const float low = static_cast<float>(call.attr(0));
  const float high = static_cast<float>(call.attr(1));
  map(x.f32(), call.floats(1, x.size).f32(), x.size,
      [low, high](float v) { return v > high ? high : (v < low ? low : v); });
}

void logicalNot(Call& call) {
  const Tensor& x = call.bools(0);
  Tensor& y = call.bools(1);
  require(x.size == y.size, "input and output differ in size");
  map(x.u8(), y.u8(), x.size, [](uint8_t v) { return static_cast<uint8_t>(v == 0); });
}

// To int32 as JavaScript's `x | 0`: towards zero, modulo 2^32, NaN and infinities to 0.
COLDSTART_INLINE int32_t toInt32(float x) {
  if (x >= -2147483648.0f && x < 2147483648.0f) return static_cast<int32_t>(x);
  if (!(x - x == 0.0f)) return 0;
  return static_cast<int32_t>(static_cast<uint32_t>(static_cast<int64_t>(::fmodf(x, 4294967296.0f))));
}

template <typename In, typename Out, typename F>
void castMap(const Tensor& x, Tensor& y, F f) {
  map(static_cast<const In*>(x.data), static_cast<Out*>(y.data), x.size, f);
}

void cast(Call& call) {
  const Tensor& x = call.tensor(0);
  Tensor& y = call.tensor(1);
  require(x.size == y.size, "input and output differ in size");
  if (x.dtype == y.dtype) {
    const int64_t itemBytes = x.dtype == kBool ? 1 : 4;
    if (x.size > 0) std::memcpy(y.data, x.data, x.size * itemBytes);
  } else if (x.dtype == kFloat32 && y.dtype == kInt32) {
    castMap<float, int32_t>(x, y, [](float v) { return toInt32(v); });
  } else if (x.dtype == kFloat32) {
    castMap<float, uint8_t>(x, y, [](float v) { return static_cast<uint8_t>(v != 0.0f); });
  } else if (x.dtype == kInt32 && y.dtype == kFloat32) {
    castMap<int32_t, float>(x, y, [](int32_t v) { return static_cast<float>(v); });
  } else if (x.dtype == kInt32) {
    castMap<int32_t, uint8_t>(x, y, [](int32_t v) { return static_cast<uint8_t>(v != 0); });
  } else if (y.dtype == kFloat32) {
    castMap<uint8_t, float>(x, y, [](uint8_t v) { return static_cast<float>(v); });
  } else {
    castMap<uint8_t, int32_t>(x, y, [](uint8_t v) { return static_cast<int32_t>(v); });
  }
}

}  // namespace

void registerUnary(KernelTable& table) {
#define FLOAT_KERNEL(name, function) add(table, name, floatMap<function##Of>);
  FLOAT_KERNEL("Abs", abs)
  FLOAT_KERNEL("Neg", neg)
  FLOAT_KERNEL("Exp", exp)
  FLOAT_KERNEL("Expm1", expm1)
  FLOAT_KERNEL("Log", log)
  FLOAT_KERNEL("Log1p", log1p)
  FLOAT_KERNEL("Sqrt", sqrt)
  FLOAT_KERNEL("Rsqrt", rsqrt)
  FLOAT_KERNEL("Square", square)
  FLOAT_KERNEL("Reciprocal", reciprocal)
  FLOAT_KERNEL("Relu", relu)
  FLOAT_KERNEL("Relu6", relu6)
  FLOAT_KERNEL("Elu", elu)
  FLOAT_KERNEL("Selu", selu)
  FLOAT_KERNEL("Sigmoid", sigmoid)
  FLOAT_KERNEL("Softplus", softplus)
  FLOAT_KERNEL("Tanh", tanh)
  FLOAT_KERNEL("Sin", sin)
  FLOAT_KERNEL("Cos", cos)
  FLOAT_KERNEL("Tan", tan)
  FLOAT_KERNEL("Asin", asin)
  FLOAT_KERNEL("Acos", acos)
  FLOAT_KERNEL("Atan", atan)
  FLOAT_KERNEL("Sinh", sinh)
  FLOAT_KERNEL("Cosh", cosh)
  FLOAT_KERNEL("Asinh", asinh)
  FLOAT_KERNEL("Acosh", acosh)
  FLOAT_KERNEL("Atanh", atanh)
  FLOAT_KERNEL("Erf", erf)
  FLOAT_KERNEL("Floor", floor)
  FLOAT_KERNEL("Ceil", ceil)
  FLOAT_KERNEL("Round", round)
  FLOAT_KERNEL("Sign", sign)
#undef FLOAT_KERNEL
  add(table, "LeakyRelu", floatMapWithAttr<leakyReluOf>);
  add(table, "Step", floatMapWithAttr<stepOf>);
  add(table, "ClipByValue", clip);
  add(table, "IsNan", testFloats<isNanOf>);
  add(table, "IsInf", testFloats<isInfOf>);
  add(table, "IsFinite", testFloats<isFiniteOf>);
  add(table, "IntNeg", intMap<intNegOf>);
  add(table, "IntAbs", intMap<intAbsOf>);
  add(table, "IntSquare", intMap<intSquareOf>);
  add(table, "IntRelu", intMap<intReluOf>);
  add(table, "LogicalNot", logicalNot);
  add(table, "Cast", cast);
}

COLDSTART_KERNELS_END
