import {
  Abs,
  Acos,
  Acosh,
  All,
  Any,
  ArgMax,
  ArgMin,
  Asin,
  Asinh,
  Atan,
  Atanh,
  Cast,
  Ceil,
  ClipByValue,
  Cos,
  Cosh,
  Elu,
  Equal,
  Erf,
  Exp,
  Expm1,
  Floor,
  FloorDiv,
  Greater,
  GreaterEqual,
  Identity,
  IsFinite,
  IsInf,
  IsNan,
  LeakyRelu,
  Less,
  LessEqual,
  Log,
  Log1p,
  LogicalAnd,
  LogicalNot,
  LogicalOr,
  Neg,
  NotEqual,
  OneHot,
  OnesLike,
  Prelu,
  Reciprocal,
  Relu,
  Relu6,
  Round,
  Rsqrt,
  Select,
  Selu,
  Sigmoid,
  Sign,
  Sin,
  Sinh,
  Softplus,
  Sqrt,
  Square,
  Step,
  Tan,
  Tanh,
  ZerosLike,
  add,
  cast,
  cos,
  cosh,
  div,
  exp,
  greater,
  greaterEqual,
  lessEqual,
  logicalAnd,
  minimum,
  mul,
  neg,
  sigmoid,
  sign,
  sin,
  sinh,
  sqrt,
  square,
  step,
  sub,
  tanh,
  where,
  zerosLike,
  zeros,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { withoutGradient } from '../withoutGradient.js';
import { mask, registerExact, registerPiecewiseConstant, registerUnary, sumToShape } from './register.js';

registerUnary(Identity, (dy) => cast(dy, 'float32'));
registerUnary(Cast, (dy) => cast(dy, 'float32'));
registerUnary(Neg, (dy) => neg(dy));
registerUnary(Square, (dy, x) => mul(dy, mul(cast(x, 'float32'), 2)));
registerUnary(Sqrt, (dy, x) => div(dy, mul(sqrt(cast(x, 'float32')), 2)));
registerUnary(Rsqrt, (dy, x) => neg(div(dy, mul(mul(x, sqrt(x)), 2))));
registerUnary(Reciprocal, (dy, x) => neg(div(dy, square(x))));
registerUnary(Exp, (dy, x) => mul(dy, exp(x)));
registerUnary(Expm1, (dy, x) => mul(dy, exp(x)));
registerUnary(Log, (dy, x) => div(dy, cast(x, 'float32')));
registerUnary(Log1p, (dy, x) => div(dy, add(x, 1)));
registerUnary(Erf, (dy, x) => mul(dy, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))));
registerUnary(Abs, (dy, x) =>
  mul(
    dy,
    withoutGradient(() => sign(cast(x, 'float32'))),
  ),
);
registerUnary(ClipByValue, (dy, x, { clipValueMin, clipValueMax }) =>
  mul(
    dy,
    mask(() => logicalAnd(greaterEqual(x, clipValueMin as number), lessEqual(x, clipValueMax as number))),
  ),
);

registerUnary(Sin, (dy, x) => mul(dy, cos(x)));
registerUnary(Cos, (dy, x) => neg(mul(dy, sin(x))));
registerUnary(Tan, (dy, x) => div(dy, square(cos(x))));
registerUnary(Sinh, (dy, x) => mul(dy, cosh(x)));
registerUnary(Cosh, (dy, x) => mul(dy, sinh(x)));
registerUnary(Tanh, (dy, x) => mul(dy, sub(1, square(tanh(x)))));
registerUnary(Asin, (dy, x) => div(dy, sqrt(sub(1, square(x)))));
registerUnary(Acos, (dy, x) => neg(div(dy, sqrt(sub(1, square(x))))));
registerUnary(Atan, (dy, x) => div(dy, add(square(x), 1)));
registerUnary(Asinh, (dy, x) => div(dy, sqrt(add(square(x), 1))));
registerUnary(Acosh, (dy, x) => div(dy, sqrt(sub(square(x), 1))));
registerUnary(Atanh, (dy, x) => div(dy, sub(1, square(x))));

registerUnary(Relu, (dy, x) =>
  mul(
    dy,
    mask(() => step(x)),
  ),
);
registerUnary(Relu6, (dy, x) =>
  mul(
    dy,
    mask(() => logicalAnd(greater(x, 0), lessEqual(x, 6))),
  ),
);
registerUnary(LeakyRelu, (dy, x, attrs) => mul(dy, slopes(x, attrs.alpha as number)));
registerUnary(Sigmoid, (dy, x) => {
  const y = sigmoid(x);
  return mul(dy, mul(y, sub(1, y)));
});
registerUnary(Softplus, (dy, x) => mul(dy, sigmoid(x)));
// exp(min(x, 0)) is 1 on the positive side and never overflows
registerUnary(Elu, (dy, x) => mul(dy, exp(minimum(x, 0))));
const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;
registerUnary(Selu, (dy, x) => mul(dy, mul(exp(minimum(x, 0)), mul(slopes(x, seluAlpha), seluScale))));

/** 1 where x > 0, else alpha, as a constant. */
function slopes(x: Tensor, alpha: number): Tensor {
  return withoutGradient(() => {
    const positive = step(x);
    return add(mul(positive, 1 - alpha), alpha);
  });
}

registerExact({
  kernelName: Prelu,
  inputsToSave: ['x', 'alpha'],
  gradFunc: (dyAny, [x, alpha]) => {
    const dy = dyAny as Tensor;
    return {
      x: () =>
        where(
          withoutGradient(() => greater(x, 0)),
          dy,
          mul(dy, alpha),
        ),
      alpha: () => sumToShape(mul(dy, minimum(x, 0)), alpha.shape),
    };
  },
});

registerExact({
  kernelName: Select,
  inputsToSave: ['condition'],
  gradFunc: (dyAny, [condition]) => {
    const dy = dyAny as Tensor;
    return {
      condition: () => zeros(condition.shape),
      t: () => where(condition, dy, zerosLike(dy)),
      e: () => where(condition, zerosLike(dy), dy),
    };
  },
});

registerPiecewiseConstant(
  [Sign, Step, Floor, Ceil, Round, IsNan, IsInf, IsFinite, LogicalNot, ZerosLike, OnesLike, ArgMax, ArgMin, All, Any],
  ['x'],
);
registerPiecewiseConstant(
  [Equal, NotEqual, Greater, GreaterEqual, Less, LessEqual, LogicalAnd, LogicalOr, FloorDiv],
  ['a', 'b'],
);
registerPiecewiseConstant([OneHot], ['indices']);
