import {
  Cumprod,
  Cumsum,
  Max,
  Mean,
  Min,
  Prod,
  Softmax,
  LogSoftmax,
  Sum,
  broadcastTo,
  concat,
  cumsum,
  div,
  engine,
  equal,
  exp,
  logSoftmax,
  max,
  min,
  mul,
  ones,
  reshape,
  reverse,
  softmax,
  split,
  sub,
  sum,
  transpose,
  util,
  type Tensor,
  zeros,
} from '@tensorflow/tfjs-core';
import { mask, registerUnary } from './register.js';

registerUnary(Sum, (dy, x, attrs) => spreadOverAxes(dy, x, reducedAxes(x, attrs.axis)));
registerUnary(Mean, (dy, x, attrs) => div(spreadOverAxes(dy, x, reducedAxes(x, attrs.axis)), x.size / dy.size));
// every element that equals the extremum gets the whole gradient, as in tfjs-core
registerUnary(Max, (dy, x, attrs) => toExtremum(dy, x, reducedAxes(x, attrs.reductionIndices ?? attrs.axis), max));
registerUnary(Min, (dy, x, attrs) => toExtremum(dy, x, reducedAxes(x, attrs.axis), min));
registerUnary(Cumsum, (dy, _, attrs) => cumsum(dy, attrs.axis as number, attrs.exclusive as boolean, !attrs.reverse));
registerUnary(Prod, (dy, x, attrs) =>
  gradientThrough((value) => productOver(value, reducedAxes(value, attrs.axis), dy.shape), x, dy),
);
registerUnary(Cumprod, (dy, x, attrs) =>
  gradientThrough(
    (value) => runningProduct(value, attrs.axis as number, attrs.exclusive as boolean, attrs.reverse as boolean),
    x,
    dy,
  ),
);

registerUnary(
  Softmax,
  (dy, logits, attrs) => {
    const dim = attrs.dim as number;
    const y = softmax(logits, dim);
    const weighted = mul(dy, y);
    return sub(weighted, mul(sum(weighted, dim, true), y));
  },
  'logits',
);
registerUnary(
  LogSoftmax,
  (dy, logits, attrs) =>
    sub(dy, mul(sum(dy, attrs.axis as number, true), exp(logSoftmax(logits, attrs.axis as number)))),
  'logits',
);

function reducedAxes(x: Tensor, axis: unknown): number[] {
  return util.parseAxisParam((axis ?? x.shape.map((_, i) => i)) as number[], x.shape);
}

function withOnes(x: Tensor, axes: number[]): number[] {
  return x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
}

/** The gradient of a sum over axes: dy copied along them. */
function spreadOverAxes(dy: Tensor, x: Tensor, axes: number[]): Tensor {
  const withAxes = reshape(dy, withOnes(x, axes));
  // tfjs's broadcastTo leaves a 1 where the length is 0
  return x.size === 0 ? mul(withAxes, zeros(x.shape)) : broadcastTo(withAxes, x.shape as never);
}

function toExtremum(dy: Tensor, x: Tensor, axes: number[], extremum: typeof max): Tensor {
  return mul(
    reshape(dy, withOnes(x, axes)),
    mask(() => equal(x, extremum(x, axes, true))),
  );
}

/** The gradient of an operation, computed as the gradient of the same operation written in simpler ones. */
function gradientThrough(composed: (x: Tensor) => Tensor, x: Tensor, dy: Tensor): Tensor {
  const { state } = engine();
  const tape = state.activeTape; // an inner gradient outside of any other would end the tape that is being read
  try {
    return engine().gradients(() => composed(x), [x], dy).grads[0];
  } finally {
    state.activeTape = tape;
  }
}

/** Product over axes, by multiplying slices: exact where elements are zero too. */
function productOver(x: Tensor, axes: number[], outShape: number[]): Tensor {
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const count = axes.reduce((size, axis) => size * x.shape[axis], 1);
  const rows = reshape(transpose(x, [...kept, ...axes]), [x.size / count, count]);
  return reshape(
    split(rows, count, 1).reduce((product, part) => mul(product, part)),
    outShape,
  );
}

function runningProduct(x: Tensor, axis: number, exclusive: boolean, reversed: boolean): Tensor {
  const [along] = util.parseAxisParam(axis, x.shape);
  const parts = split(reversed ? reverse(x, along) : x, x.shape[along], along);
  let product: Tensor = ones(parts[0].shape);
  const products = parts.map((part) => {
    const before = product;
    product = mul(product, part);
    return exclusive ? before : product;
  });
  const joined = concat(products, along);
  return reversed ? reverse(joined, along) : joined;
}
