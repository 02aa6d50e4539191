/**
 * Gradients of tfjs kernels that are exact to any order. Importing this file registers them.
 *
 * tfjs-core's build for Node registers no gradients at all, and those of its other builds are silently wrong when they are
 * differentiated again, wherever they reuse a kernel's saved output (Softmax, Exp, Sqrt, Sigmoid, ...): the tape does not
 * connect a saved output with the inputs. So every gradient here is written in differentiable ops of saved inputs only.
 */
import {
  Abs, Add, AddN, BatchMatMul, Cast, ClipByValue, Concat, Exp, ExpandDims, Identity, Log, Maximum, Mean, Minimum, Multiply, Neg, RealDiv, Relu, Reshape,
  Rsqrt, Sigmoid, Sign, Slice, Softmax, Sqrt, Square, SquaredDifference, Step, Sub, Sum, Tanh, Tile, Transpose,
  add, broadcastTo, broadcast_util, cast, div, exp, greater, greaterEqual, less, lessEqual, logicalAnd, matMul, mul, neg, pad, registerGradient, reshape, sigmoid,
  sign, slice, softmax, split, sqrt, square, step, sub, sum, tanh, transpose, util, zerosLike, type NamedAttrMap, type Tensor,
} from '@tensorflow/tfjs-core';

type Attrs = Record<string, unknown>;

/** dy summed over the axes along which an input of this shape was broadcast. */
function sumToShape(dy: Tensor, shape: number[]): Tensor {
  const axes = broadcast_util.getReductionAxes(shape, dy.shape);
  return reshape(axes.length > 0 ? sum(dy, axes) : dy, shape);
}

function registerUnary(kernelName: string, derivative: (dy: Tensor, x: Tensor, attrs: Attrs) => Tensor): void {
  registerGradient({
    kernelName,
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attrs) => ({ x: () => derivative(dy as Tensor, x, attrs as Attrs) }),
  });
}

function registerBinary(kernelName: string, byA: (dy: Tensor, a: Tensor, b: Tensor) => Tensor, byB: (dy: Tensor, a: Tensor, b: Tensor) => Tensor): void {
  registerGradient({
    kernelName,
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, [a, b]) => ({
      a: () => sumToShape(byA(dy as Tensor, a, b), a.shape),
      b: () => sumToShape(byB(dy as Tensor, a, b), b.shape),
    }),
  });
}

registerBinary(Add, (dy) => dy, (dy) => dy);
registerBinary(Sub, (dy) => dy, (dy) => neg(dy));
registerBinary(Multiply, (dy, _, b) => mul(dy, cast(b, 'float32')), (dy, a) => mul(dy, cast(a, 'float32')));
registerBinary(RealDiv, (dy, _, b) => div(dy, cast(b, 'float32')), (dy, a, b) => neg(div(mul(dy, cast(a, 'float32')), square(cast(b, 'float32')))));
registerBinary(SquaredDifference, (dy, a, b) => mul(dy, mul(sub(a, b), 2)), (dy, a, b) => mul(dy, mul(sub(b, a), 2)));
registerBinary(Maximum, (dy, a, b) => mul(dy, cast(greaterEqual(a, b), 'float32')), (dy, a, b) => mul(dy, cast(less(a, b), 'float32')));
registerBinary(Minimum, (dy, a, b) => mul(dy, cast(lessEqual(a, b), 'float32')), (dy, a, b) => mul(dy, cast(greater(a, b), 'float32')));

registerUnary(Identity, (dy) => cast(dy, 'float32'));
registerUnary(Cast, (dy) => cast(dy, 'float32'));
registerUnary(Neg, (dy) => neg(dy));
registerUnary(Square, (dy, x) => mul(dy, mul(cast(x, 'float32'), 2)));
registerUnary(Sqrt, (dy, x) => div(dy, mul(sqrt(cast(x, 'float32')), 2)));
registerUnary(Rsqrt, (dy, x) => neg(div(dy, mul(mul(x, sqrt(x)), 2))));
registerUnary(Exp, (dy, x) => mul(dy, exp(x)));
registerUnary(Log, (dy, x) => div(dy, cast(x, 'float32')));
registerUnary(Relu, (dy, x) => mul(dy, cast(step(x), 'float32')));
registerUnary(Abs, (dy, x) => mul(dy, sign(cast(x, 'float32'))));
registerUnary(Sign, (dy) => zerosLike(dy));
registerUnary(Step, (dy) => zerosLike(dy));
registerUnary(Sigmoid, (dy, x) => { const y = sigmoid(x); return mul(dy, mul(y, sub(1, y))); });
registerUnary(Tanh, (dy, x) => mul(dy, sub(1, square(tanh(x)))));
registerUnary(Reshape, (dy, x) => reshape(dy, x.shape));
registerUnary(ClipByValue, (dy, x, attrs) =>
  mul(dy, cast(logicalAnd(greaterEqual(x, attrs.clipValueMin as number), lessEqual(x, attrs.clipValueMax as number)), 'float32')));
registerUnary(Transpose, (dy, _, attrs) => {
  const perm = attrs.perm as number[];
  return transpose(dy, perm.map((_unused, axis) => perm.indexOf(axis)));
});
registerUnary(Slice, (dy, x, attrs) => {
  const begin = attrs.begin as number[];
  return pad(dy, begin.map((start, axis) => [start, x.shape[axis] - start - dy.shape[axis]] as [number, number]));
});
registerUnary(Sum, (dy, x, attrs) => spreadOverAxes(dy, x, attrs.axis));
registerUnary(Mean, (dy, x, attrs) => div(spreadOverAxes(dy, x, attrs.axis), x.size / dy.size));
registerUnary(Tile, (dy, x, attrs) => {
  const reps = attrs.reps as number[];
  let gradient = dy;
  reps.forEach((count, axis) => {
    if (count === 1) return;
    gradient = x.shape[axis] === 1 ? sum(gradient, axis, true) : split(gradient, count, axis).reduce((total, part) => add(total, part));
  });
  return gradient;
});

/** The gradient of a sum over axes: dy copied along them. */
function spreadOverAxes(dy: Tensor, x: Tensor, axis: unknown): Tensor {
  const axes = util.parseAxisParam((axis ?? x.shape.map((_, i) => i)) as number[], x.shape);
  return broadcastTo(reshape(dy, x.shape.map((size, i) => (axes.includes(i) ? 1 : size))), x.shape as never);
}

registerGradient({
  kernelName: ExpandDims,
  inputsToSave: ['input'],
  gradFunc: (dy, [input]) => ({ input: () => reshape(dy as Tensor, input.shape) }),
});

registerGradient({
  kernelName: Softmax,
  inputsToSave: ['logits'],
  gradFunc: (dy, [logits], attrs) => ({
    logits: () => {
      const dim = (attrs as Attrs).dim as number;
      const y = softmax(logits, dim);
      const weighted = mul(dy as Tensor, y);
      return sub(weighted, mul(sum(weighted, dim, true), y));
    },
  }),
});

registerGradient({
  kernelName: AddN,
  saveAllInputs: true,
  gradFunc: (dy, saved) => Object.fromEntries(saved.map((_, i) => [i, () => (dy as Tensor).clone()])),
});

registerGradient({
  kernelName: Concat,
  saveAllInputs: true,
  gradFunc: (dy, saved, attrs) => {
    const [axis] = util.parseAxisParam((attrs as Attrs).axis as number, saved[0].shape);
    let start = 0;
    return Object.fromEntries(saved.map((part, i) => {
      const begin = part.shape.map((_, a) => (a === axis ? start : 0));
      start += part.shape[axis];
      return [i, () => slice(dy as Tensor, begin, part.shape)];
    }));
  },
});

registerGradient({
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
