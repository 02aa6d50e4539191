import '../../../test/float64.js';
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { ColdstartError } from '../../errors.js';
import { finiteDifferences } from '../../../test/slowOps.js';
import { valueAndGradients, type Params } from './valueAndGradients.js';
import { selectBackend } from '../select.js';

type Tensor = tf.Tensor;
type Op = (...inputs: Tensor[]) => Tensor;

interface Case {
  readonly op: Op;
  /** Shapes of the inputs that are differentiated. */
  readonly shapes: number[][];
  /** The range of the inputs: inside the operation's domain, away from its kinks. */
  readonly range?: [number, number];
}

/** Irregular numbers in a range, no two alike, none within 0.02 of an integer. */
function numbers(count: number, salt: number, [least, most]: [number, number] = [-1.9, 1.9]): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    const value = least + ((most - least) * (((Math.sin(12.9898 * (i + 1) + 78.233 * salt) * 43758.5453) % 1) + 1)) / 2;
    return Math.abs(value - Math.round(value)) < 0.02 ? value + 0.05 : value;
  });
}

function real(values: Float64Array, shape: number[]): Tensor {
  return tf.tensor(values as unknown as Float32Array, shape, 'float32');
}

function assertClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(found.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    assert.ok(
      Math.abs(found[i] - expected[i]) <= tolerance * (1 + Math.abs(expected[i])),
      `${what}[${i}]: found ${found[i]}, expected ${expected[i]}`,
    );
  }
}

/** A loss with derivatives of every order by every element: the weighted sum of the outputs and of their squares. */
function lossOf(op: Op): (params: Params) => tf.Scalar {
  return (params) => {
    const y = op(...params.values());
    const weights = real(numbers(y.size, 77), y.shape);
    return tf.sum(tf.add(tf.mul(y, weights), tf.square(y))) as tf.Scalar;
  };
}

/** A fixed combination of the first gradients, itself a scalar function of the parameters. */
function combinedGradient(op: Op): (params: Params) => tf.Scalar {
  return (params) => {
    const { gradients } = valueAndGradients(lossOf(op), params);
    return tf.addN(
      [...gradients.values()].map((g, i) => tf.sum(tf.mul(g, real(numbers(g.size, 50 + i), g.shape)))),
    ) as tf.Scalar;
  };
}

function valueAt(f: (params: Params) => tf.Scalar, values: Float64Array[], shapes: number[][]): number {
  return tf.tidy(() => f(new Map(values.map((v, i) => [`${i}`, real(v, shapes[i])]))).dataSync()[0]);
}

/** Compares the gradients of a scalar function with finite differences of its value. */
function checkAgainstDifferences(
  f: (params: Params) => tf.Scalar,
  values: Float64Array[],
  shapes: number[][],
  what: string,
): void {
  tf.tidy(() => {
    const { gradients } = valueAndGradients(f, new Map(values.map((v, i) => [`${i}`, real(v, shapes[i])])));
    [...gradients.values()].forEach((gradient, which) => {
      const expected = finiteDifferences(
        (x) =>
          valueAt(
            f,
            values.map((v, i) => (i === which ? x : v)),
            shapes,
          ),
        values[which],
        1e-5,
      );
      assertClose(gradient.dataSync(), expected, 2e-7, `${what} of input ${which}`);
    });
  });
}

const segments = (): tf.Tensor1D => tf.tensor1d([2, 0, -1, 2, 1], 'int32');
const image = [2, 5, 5, 2];
const depthwise = [3, 3, 2, 2];
const positive: [number, number] = [0.3, 2.7];
const inUnit: [number, number] = [-0.8, 0.8];

const cases: Record<string, Case> = {
  add: { op: (a, b) => tf.add(a, b), shapes: [[2, 3], [3]] },
  sub: { op: (a, b) => tf.sub(a, b), shapes: [[3], [2, 3]] },
  mul: {
    op: (a, b) => tf.mul(a, b),
    shapes: [
      [2, 3],
      [2, 1],
    ],
  },
  div: { op: (a, b) => tf.div(a, b), shapes: [[2, 3], [3]], range: positive },
  'pow by base and exponent': { op: (a, b) => tf.pow(a, b), shapes: [[2, 3], [3]], range: positive },
  'pow of negative bases': { op: (a) => tf.pow(a, 3), shapes: [[5]] },
  mod: { op: (a, b) => tf.mod(a, b), shapes: [[4], [4]], range: positive },
  atan2: { op: (a, b) => tf.atan2(a, b), shapes: [[4], [4]] },
  maximum: { op: (a, b) => tf.maximum(a, b), shapes: [[2, 3], [3]] },
  minimum: {
    op: (a, b) => tf.minimum(a, b),
    shapes: [
      [2, 3],
      [2, 1],
    ],
  },
  squaredDifference: { op: (a, b) => tf.squaredDifference(a, b), shapes: [[2, 3], [3]] },
  addN: { op: (a, b, c) => tf.addN([a, b, c]), shapes: [[4], [4], [4]] },
  matMul: {
    op: (a, b) => tf.matMul(a as never, b),
    shapes: [
      [2, 3],
      [3, 4],
    ],
  },
  'matMul, a transposed': {
    op: (a, b) => tf.matMul(a, b, true, false),
    shapes: [
      [3, 2],
      [3, 4],
    ],
  },
  'matMul, b transposed, batches': {
    op: (a, b) => tf.matMul(a, b, false, true),
    shapes: [
      [2, 2, 3],
      [2, 4, 3],
    ],
  },
  'matMul, both transposed, broadcast': {
    op: (a, b) => tf.matMul(a, b, true, true),
    shapes: [
      [2, 3, 2],
      [1, 4, 3],
    ],
  },
  'fused.matMul': {
    op: (a, b, bias) => tf.fused.matMul({ a: a as tf.Tensor2D, b: b as tf.Tensor2D, bias, activation: 'relu' }),
    shapes: [[2, 3], [3, 4], [4]],
  },
  'fused.matMul without activation': {
    op: (a, b, bias) => tf.fused.matMul({ a: a as tf.Tensor2D, b: b as tf.Tensor2D, bias }),
    shapes: [[2, 3], [3, 4], [4]],
  },
  dot: { op: (a, b) => tf.dot(a, b), shapes: [[3], [3, 2]] },

  neg: { op: (x) => tf.neg(x), shapes: [[4]] },
  square: { op: (x) => tf.square(x), shapes: [[4]] },
  sqrt: { op: (x) => tf.sqrt(x), shapes: [[4]], range: positive },
  rsqrt: { op: (x) => tf.rsqrt(x), shapes: [[4]], range: positive },
  reciprocal: { op: (x) => tf.reciprocal(x), shapes: [[4]], range: positive },
  exp: { op: (x) => tf.exp(x), shapes: [[4]] },
  expm1: { op: (x) => tf.expm1(x), shapes: [[4]] },
  log: { op: (x) => tf.log(x), shapes: [[4]], range: positive },
  log1p: { op: (x) => tf.log1p(x), shapes: [[4]], range: positive },
  abs: { op: (x) => tf.abs(x), shapes: [[6]] },
  clipByValue: { op: (x) => tf.clipByValue(x, -1, 1), shapes: [[8]] },
  sin: { op: (x) => tf.sin(x), shapes: [[4]] },
  cos: { op: (x) => tf.cos(x), shapes: [[4]] },
  tan: { op: (x) => tf.tan(x), shapes: [[4]], range: inUnit },
  sinh: { op: (x) => tf.sinh(x), shapes: [[4]] },
  cosh: { op: (x) => tf.cosh(x), shapes: [[4]] },
  tanh: { op: (x) => tf.tanh(x), shapes: [[4]] },
  asin: { op: (x) => tf.asin(x), shapes: [[4]], range: inUnit },
  acos: { op: (x) => tf.acos(x), shapes: [[4]], range: inUnit },
  atan: { op: (x) => tf.atan(x), shapes: [[4]] },
  asinh: { op: (x) => tf.asinh(x), shapes: [[4]] },
  acosh: { op: (x) => tf.acosh(x), shapes: [[4]], range: [1.2, 2.8] },
  atanh: { op: (x) => tf.atanh(x), shapes: [[4]], range: inUnit },
  relu: { op: (x) => tf.relu(x), shapes: [[8]] },
  relu6: { op: (x) => tf.relu6(x), shapes: [[8]], range: [-2, 9] },
  leakyRelu: { op: (x) => tf.leakyRelu(x, 0.2), shapes: [[8]] },
  prelu: { op: (x, alpha) => tf.prelu(x, alpha), shapes: [[2, 4], [4]] },
  elu: { op: (x) => tf.elu(x), shapes: [[8]] },
  selu: { op: (x) => tf.selu(x), shapes: [[8]] },
  sigmoid: { op: (x) => tf.sigmoid(x), shapes: [[4]] },
  logSigmoid: { op: (x) => tf.logSigmoid(x), shapes: [[4]] },
  softplus: { op: (x) => tf.softplus(x), shapes: [[4]] },
  'where, with a condition on the parameter': {
    op: (x, y) => tf.where(tf.greater(x, 0), tf.square(x), tf.exp(y)),
    shapes: [[6], [6]],
  },
  'products with sign, step and floor': {
    op: (x) => tf.mul(tf.exp(x), tf.add(tf.sign(x), tf.add(tf.step(x), tf.floor(x)))),
    shapes: [[6]],
  },

  sum: { op: (x) => tf.sum(tf.exp(x), [0, 2]), shapes: [[2, 3, 2]] },
  mean: { op: (x) => tf.mean(tf.exp(x), 1, true), shapes: [[2, 3]] },
  max: { op: (x) => tf.max(tf.exp(x), 1), shapes: [[3, 4]] },
  'max of all': { op: (x) => tf.max(tf.exp(x)), shapes: [[3, 4]] },
  min: { op: (x) => tf.min(tf.exp(x), [0, 2]), shapes: [[2, 3, 2]] },
  prod: { op: (x) => tf.prod(x, 1), shapes: [[3, 3]] },
  'prod over two axes': { op: (x) => tf.prod(x, [0, 2]), shapes: [[2, 3, 2]] },
  cumsum: { op: (x) => tf.cumsum(tf.exp(x), 0, true), shapes: [[3, 2]] },
  cumprod: { op: (x) => tf.cumprod(x, 1, false, true), shapes: [[2, 4]] },
  norm: { op: (x) => tf.norm(x, 'euclidean', 1), shapes: [[2, 3]] },
  moments: { op: (x) => tf.moments(x, 0).variance, shapes: [[4, 2]] },
  softmax: { op: (x) => tf.softmax(x), shapes: [[2, 4]] },
  logSoftmax: { op: (x) => tf.logSoftmax(x), shapes: [[2, 4]] },
  logSumExp: { op: (x) => tf.logSumExp(x, 1), shapes: [[2, 4]] },
  'losses.softmaxCrossEntropy': {
    op: (x) => tf.losses.softmaxCrossEntropy(tf.oneHot(tf.tensor1d([1, 3], 'int32'), 4), x, undefined, 0.1),
    shapes: [[2, 4]],
  },
  'losses.sigmoidCrossEntropy': {
    op: (x) =>
      tf.losses.sigmoidCrossEntropy(
        tf.tensor2d([
          [0, 1, 1],
          [1, 0, 0],
        ]),
        x,
      ),
    shapes: [[2, 3]],
  },
  'losses.meanSquaredError': {
    op: (x, y) => tf.losses.meanSquaredError(x, y),
    shapes: [
      [2, 3],
      [2, 3],
    ],
  },
  'losses.huberLoss': { op: (x) => tf.losses.huberLoss(tf.zeros([6]), x, undefined, 1), shapes: [[6]] },
  'losses.cosineDistance': {
    op: (x, y) => tf.losses.cosineDistance(x, y, 1),
    shapes: [
      [2, 3],
      [2, 3],
    ],
  },

  reshape: { op: (x) => tf.reshape(tf.exp(x), [3, 2]), shapes: [[2, 3]] },
  expandDims: { op: (x) => tf.expandDims(tf.exp(x), 1), shapes: [[3]] },
  transpose: { op: (x) => tf.transpose(tf.exp(x), [2, 0, 1]), shapes: [[2, 3, 2]] },
  reverse: { op: (x) => tf.reverse(tf.exp(x), 1), shapes: [[2, 3]] },
  slice: { op: (x) => tf.slice(tf.exp(x), [1, 0], [2, -1]), shapes: [[4, 3]] },
  pad: {
    op: (x) =>
      tf.pad(tf.exp(x), [
        [1, 0],
        [0, 2],
      ]),
    shapes: [[2, 3]],
  },
  'mirrorPad, reflect': {
    op: (x) =>
      tf.mirrorPad(
        tf.exp(x),
        [
          [1, 0],
          [2, 1],
        ],
        'reflect',
      ),
    shapes: [[2, 3]],
  },
  'mirrorPad, symmetric': {
    op: (x) =>
      tf.mirrorPad(
        tf.exp(x),
        [
          [2, 1],
          [0, 3],
        ],
        'symmetric',
      ),
    shapes: [[2, 3]],
  },
  tile: { op: (x) => tf.tile(tf.exp(x), [2, 3]), shapes: [[2, 1]] },
  broadcastTo: { op: (x) => tf.broadcastTo(tf.exp(x), [4, 3]), shapes: [[1, 3]] },
  concat: {
    op: (x, y) => tf.concat([tf.exp(x), y], 1),
    shapes: [
      [2, 3],
      [2, 1],
    ],
  },
  split: {
    op: (x) => {
      const [a, , c] = tf.split(tf.exp(x), [1, 2, 1], 1);
      return tf.mul(a, c);
    },
    shapes: [[2, 4]],
  },
  stack: { op: (x, y) => tf.stack([tf.exp(x), y], 1), shapes: [[3], [3]] },
  unstack: {
    op: (x) => {
      const [a, b] = tf.unstack(tf.exp(x), 1);
      return tf.mul(a, b);
    },
    shapes: [[3, 3]],
  },
  gather: { op: (x) => tf.gather(tf.exp(x), tf.tensor1d([2, 0, 2], 'int32')), shapes: [[3, 2]] },
  'gather along axis 1 with a matrix of indices': {
    op: (x) =>
      tf.gather(
        tf.exp(x),
        tf.tensor2d(
          [
            [2, 0],
            [1, 2],
          ],
          [2, 2],
          'int32',
        ),
        1,
      ),
    shapes: [[2, 3, 2]],
  },
  'gather by batch': {
    op: (x) =>
      tf.gather(
        tf.exp(x),
        tf.tensor2d(
          [
            [2, 0],
            [1, 1],
          ],
          [2, 2],
          'int32',
        ),
        1,
        1,
      ),
    shapes: [[2, 3]],
  },
  unsortedSegmentSum: { op: (x) => tf.unsortedSegmentSum(tf.exp(x), segments(), 3), shapes: [[5, 2]] },
  gatherND: {
    op: (x) =>
      tf.gatherND(
        tf.exp(x),
        tf.tensor2d(
          [
            [0, 1],
            [1, 2],
            [0, 1],
          ],
          [3, 2],
          'int32',
        ),
      ),
    shapes: [[2, 3]],
  },
  scatterND: { op: (x) => tf.scatterND(tf.tensor2d([[3], [0], [3]], [3, 1], 'int32'), tf.exp(x), [5]), shapes: [[3]] },
  spaceToBatchND: {
    op: (x) =>
      tf.spaceToBatchND(
        tf.exp(x),
        [2, 2],
        [
          [0, 0],
          [1, 1],
        ],
      ),
    shapes: [[1, 2, 2, 1]],
  },
  batchToSpaceND: {
    op: (x) =>
      tf.batchToSpaceND(
        tf.exp(x),
        [2, 2],
        [
          [0, 0],
          [0, 1],
        ],
      ),
    shapes: [[4, 1, 1, 2]],
  },

  conv2d: {
    op: (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same'),
    shapes: [
      [1, 4, 4, 2],
      [3, 3, 2, 2],
    ],
  },
  'conv2d, stride 2': {
    op: (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 2, 'valid'),
    shapes: [
      [1, 5, 5, 1],
      [2, 2, 1, 2],
    ],
  },
  'conv2d, explicit pads': {
    op: (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, [2, 1], 1),
    shapes: [
      [1, 4, 3, 1],
      [3, 2, 1, 2],
    ],
  },
  conv1d: {
    op: (x, w) => tf.conv1d(x as tf.Tensor3D, w as tf.Tensor3D, 1, 'same'),
    shapes: [
      [1, 5, 2],
      [3, 2, 2],
    ],
  },
  conv2dTranspose: {
    op: (x, w) => tf.conv2dTranspose(x as tf.Tensor4D, w as tf.Tensor4D, [1, 6, 6, 1], 2, 'same'),
    shapes: [
      [1, 3, 3, 2],
      [3, 3, 1, 2],
    ],
  },
  'fused.conv2d': {
    op: (x, w, bias) =>
      tf.fused.conv2d({ x: x as tf.Tensor4D, filter: w as tf.Tensor4D, strides: 1, pad: 'same', bias }),
    shapes: [[1, 3, 3, 2], [3, 3, 2, 2], [2]],
  },
  depthwiseConv2d: {
    op: (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same'),
    shapes: [[1, 4, 4, 2], depthwise],
  },
  avgPool: { op: (x) => tf.avgPool(tf.exp(x) as tf.Tensor4D, 2, 2, 'same'), shapes: [image] },
  'avgPool, overlapping': { op: (x) => tf.avgPool(tf.exp(x) as tf.Tensor4D, 3, 1, 'valid'), shapes: [image] },
  maxPool: { op: (x) => tf.maxPool(tf.exp(x) as tf.Tensor4D, 2, 2, 'same'), shapes: [image] },
  'maxPool, overlapping': { op: (x) => tf.maxPool(tf.exp(x) as tf.Tensor4D, 3, 1, 1), shapes: [image] },
  resizeBilinear: { op: (x) => tf.image.resizeBilinear(tf.exp(x) as tf.Tensor4D, [4, 3]), shapes: [[1, 2, 2, 1]] },
  resizeNearestNeighbor: {
    op: (x) => tf.image.resizeNearestNeighbor(tf.exp(x) as tf.Tensor4D, [4, 3]),
    shapes: [[1, 2, 2, 1]],
  },
  batchNorm: {
    op: (x, mean, variance, scale, offset) =>
      tf.batchNorm(x, mean as tf.Tensor1D, variance as tf.Tensor1D, offset as tf.Tensor1D, scale as tf.Tensor1D, 1e-3),
    shapes: [[2, 2, 2, 3], [3], [3], [3], [3]],
    range: positive,
  },
  "batchNorm with the batch's own moments": {
    op: (x, scale, offset) => {
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      return tf.batchNorm(
        x,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        offset as tf.Tensor1D,
        scale as tf.Tensor1D,
        1e-3,
      );
    },
    shapes: [[2, 2, 2, 2], [2], [2]],
  },
};

before(async () => void (await selectBackend('cpu')));

test('these tests compute in double precision', () => {
  tf.tidy(() => {
    const third = tf.div(tf.scalar(1), 3);
    assert.equal(third.dataSync()[0], 1 / 3);
    assert.equal(tf.matMul(tf.reshape(third, [1, 1]), tf.ones([1, 1])).dataSync()[0], 1 / 3);
  });
});

describe('first and second derivatives equal finite differences', () => {
  for (const [name, { op, shapes, range }] of Object.entries(cases)) {
    test(name, () => {
      const values = shapes.map((shape, i) =>
        numbers(
          shape.reduce((a, b) => a * b, 1),
          i + 1,
          range,
        ),
      );
      const tensors = tf.memory().numTensors;
      checkAgainstDifferences(lossOf(op), values, shapes, 'first derivative');
      checkAgainstDifferences(combinedGradient(op), values, shapes, 'second derivative');
      assert.equal(tf.memory().numTensors, tensors, 'leaked tensors');
    });
  }
});

test('prod and its gradients are exact where elements are zero', () => {
  const gradient = (values: number[]): Float32Array | Int32Array | Uint8Array =>
    tf.tidy(() =>
      valueAndGradients((p) => tf.prod(p.get('x')!) as tf.Scalar, new Map([['x', tf.tensor1d(values)]]))
        .gradients.get('x')!
        .dataSync(),
    );
  assert.deepEqual([...gradient([2, 0, 5])], [0, 10, 0]);
  assert.deepEqual([...gradient([0, 0, 5])], [0, 0, 0]);
});

test('elu, selu and softplus have finite derivatives at large inputs', () => {
  for (const op of [tf.elu, tf.selu, tf.softplus, tf.sigmoid, tf.tanh]) {
    tf.tidy(() => {
      const at = new Map([['x', tf.tensor1d([-1000, 1000])]]);
      const second = valueAndGradients(
        (p) =>
          tf.sum(valueAndGradients((q) => tf.sum(op(q.get('x')!)) as tf.Scalar, p).gradients.get('x')!) as tf.Scalar,
        at,
      );
      assert.deepEqual([...second.gradients.get('x')!.dataSync()].map(Math.abs), [0, 0], op.name);
    });
  }
});

/** d²/dx² of sum(op(x)). */
function secondDerivative(op: Op, x: number): number {
  return tf.tidy(() => {
    const at = new Map([['x', tf.tensor1d([x])]]);
    const first = (p: Params): Tensor =>
      valueAndGradients((q) => tf.sum(op(q.get('x')!)) as tf.Scalar, p).gradients.get('x')!;
    return valueAndGradients((p) => tf.sum(first(p)) as tf.Scalar, at)
      .gradients.get('x')!
      .dataSync()[0];
  });
}

test("tfjs-core's own gradients, which reuse saved outputs, give wrong second derivatives; exact ones replace them again", () => {
  // As in tfjs-core's gradients/Exp_grad and LogSoftmax_grad: what loading @tensorflow/tfjs registers.
  const ours = tf.getGradient('Exp')!;
  const stock: tf.GradConfig = {
    kernelName: 'Exp',
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ x: () => tf.mul(dy as Tensor, y) }),
  };
  const stockSecondDerivative = tf.tidy(() => {
    tf.registerGradient(stock);
    return tf
      .grad((x: Tensor) => tf.add(tf.grad((z: Tensor) => tf.exp(z))(x), tf.mul(x, 0)))(tf.tensor1d([1]))
      .dataSync()[0];
  });
  assert.equal(stockSecondDerivative, 0); // e is right
  tf.registerGradient(ours);
  assert.ok(Math.abs(secondDerivative(tf.exp as Op, 1) - Math.E) < 1e-12);

  const replaced = ['Add', 'Exp', 'Softmax'].map((name) => tf.getGradient(name)!);
  replaced.forEach((config) =>
    tf.registerGradient({
      ...config,
      gradFunc: () => {
        throw new Error('stock gradient');
      },
    }),
  );
  assert.ok(Math.abs(secondDerivative(tf.exp as Op, 1) - Math.E) < 1e-12);
  assert.deepEqual(
    ['Add', 'Exp', 'Softmax'].map((name) => tf.getGradient(name)),
    replaced,
  );
});

test('a custom gradient that reuses what it computed is refused in second derivatives only', () => {
  const expWithSavedOutput: Op = tf.customGrad((x, save) => {
    const y = tf.exp(x as Tensor);
    (save as tf.GradSaveFunc)([y]);
    return { value: y, gradFunc: (dy: Tensor, [savedY]: Tensor[]) => tf.mul(dy, savedY) };
  });
  const expWithSavedInput: Op = tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([x as Tensor]);
    return { value: tf.exp(x as Tensor), gradFunc: (dy: Tensor, [savedX]: Tensor[]) => tf.mul(dy, tf.exp(savedX)) };
  });
  const tensors = tf.memory().numTensors;
  tf.tidy(() => {
    const first = valueAndGradients(
      (p) => tf.sum(expWithSavedOutput(p.get('x')!)) as tf.Scalar,
      new Map([['x', tf.tensor1d([1])]]),
    );
    assert.ok(Math.abs(first.gradients.get('x')!.dataSync()[0] - Math.E) < 1e-12);
  });
  assert.ok(Math.abs(secondDerivative(expWithSavedInput, 1) - Math.E) < 1e-12);
  assert.throws(
    () => secondDerivative(expWithSavedOutput, 1),
    (error) => error instanceof ColdstartError && error.code === 'NOT_TWICE_DIFFERENTIABLE',
  );
  assert.equal(tf.memory().numTensors, tensors);
});
