import {
  Add,
  AddN,
  Atan2,
  BatchMatMul,
  Maximum,
  Minimum,
  Mod,
  Multiply,
  Pow,
  RealDiv,
  SquaredDifference,
  Sub,
  add,
  cast,
  div,
  floor,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  matMul,
  mul,
  neg,
  ones,
  pow,
  square,
  sub,
  where,
  type NamedAttrMap,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { withoutGradient } from '../withoutGradient.js';
import { mask, registerBinary, registerExact, sumToShape } from './register.js';

const real = (x: Tensor): Tensor => cast(x, 'float32');

registerBinary(
  Add,
  (dy) => dy,
  (dy) => dy,
);
registerBinary(
  Sub,
  (dy) => dy,
  (dy) => neg(dy),
);
registerBinary(
  Multiply,
  (dy, _, b) => mul(dy, real(b)),
  (dy, a) => mul(dy, real(a)),
);
registerBinary(
  RealDiv,
  (dy, _, b) => div(dy, real(b)),
  (dy, a, b) => neg(div(mul(dy, real(a)), square(real(b)))),
);
registerBinary(
  SquaredDifference,
  (dy, a, b) => mul(dy, mul(sub(a, b), 2)),
  (dy, a, b) => mul(dy, mul(sub(b, a), 2)),
);
registerBinary(
  Maximum,
  (dy, a, b) =>
    mul(
      dy,
      mask(() => greaterEqual(a, b)),
    ),
  (dy, a, b) =>
    mul(
      dy,
      mask(() => less(a, b)),
    ),
);
registerBinary(
  Minimum,
  (dy, a, b) =>
    mul(
      dy,
      mask(() => lessEqual(a, b)),
    ),
  (dy, a, b) =>
    mul(
      dy,
      mask(() => greater(a, b)),
    ),
);
registerBinary(
  Mod,
  (dy) => dy,
  (dy, a, b) =>
    mul(
      dy,
      withoutGradient(() => neg(floor(div(a, b)))),
    ),
);
registerBinary(
  Atan2,
  (dy, a, b) => mul(dy, div(b, add(square(a), square(b)))),
  (dy, a, b) => neg(mul(dy, div(a, add(square(a), square(b))))),
);
registerBinary(
  Pow,
  (dy, a, b) => mul(dy, mul(real(b), pow(real(a), sub(real(b), 1)))),
  (dy, a, b) => mul(dy, mul(pow(real(a), real(b)), logOfPositive(real(a)))),
);

/**
 * log(x) where x > 0, else 0, with no infinite derivative elsewhere: a power of a negative base has no gradient with
 * respect to its exponent.
 */
function logOfPositive(x: Tensor): Tensor {
  return log(
    where(
      withoutGradient(() => greater(x, 0)),
      x,
      ones(x.shape),
    ),
  );
}

registerExact({
  kernelName: AddN,
  saveAllInputs: true,
  gradFunc: (dy, saved) => Object.fromEntries(saved.map((_, i) => [i, () => (dy as Tensor).clone()])),
});

registerExact({
  kernelName: BatchMatMul,
  inputsToSave: ['a', 'b'],
  gradFunc: (dyAny, [a, b], attrs: NamedAttrMap) => {
    const dy = dyAny as Tensor;
    const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
    const byA = (): Tensor => {
      if (transposeA) return transposeB ? matMul(b, dy, true, true) : matMul(b, dy, false, true);
      return transposeB ? matMul(dy, b) : matMul(dy, b, false, true);
    };
    const byB = (): Tensor => {
      if (transposeB) return transposeA ? matMul(dy, a, true, true) : matMul(dy, a, true, false);
      return transposeA ? matMul(a, dy) : matMul(a, dy, true, false);
    };
    return { a: () => sumToShape(byA(), a.shape), b: () => sumToShape(byB(), b.shape) };
  },
});
