import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '../select.js';
import { assertAsCpu, filled, type Value } from '../../../test/compareWithCpu.js';
import { isAddonBuilt } from './addon.js';
import { kernelsOfCpuTwin, nativeBackend } from './loadNative.js';

const dim = fc.integer({ min: 1, max: 7 });
const shapeOf = (minRank: number, maxRank: number): fc.Arbitrary<number[]> =>
  fc.array(dim, { minLength: minRank, maxLength: maxRank });
/** Large enough that loops are split over threads. */
const wideShape = fc.oneof(
  { weight: 8, arbitrary: shapeOf(0, 4) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.integer({ min: 150, max: 200 }), fc.integer({ min: 100, max: 180 })).map((s) => [...s]),
  },
);

const runs = { numRuns: 25 };

describe(
  'native kernels give what the cpu backend gives',
  { skip: isAddonBuilt() ? false : 'the native engine is not built' },
  () => {
    before(async () => {
      await selectBackend('cpu');
      await selectBackend('native');
      nativeBackend().addon.setPoison(1); // reads of unwritten memory become NaN
    });
    after(() => nativeBackend().addon.setPoison(0));

    const unary: Record<string, (x: tf.Tensor) => tf.Tensor> = {
      abs: tf.abs,
      neg: tf.neg,
      exp: tf.exp,
      expm1: tf.expm1,
      log: (x) => tf.log(tf.abs(x)),
      log1p: (x) => tf.log1p(tf.abs(x)),
      sqrt: (x) => tf.sqrt(tf.abs(x)),
      rsqrt: (x) => tf.rsqrt(tf.add(tf.abs(x), 0.1)),
      square: tf.square,
      reciprocal: tf.reciprocal,
      relu: tf.relu,
      relu6: tf.relu6,
      elu: tf.elu,
      selu: tf.selu,
      sigmoid: tf.sigmoid,
      softplus: tf.softplus,
      tanh: tf.tanh,
      sin: tf.sin,
      cos: tf.cos,
      asinh: tf.asinh,
      atan: tf.atan,
      erf: tf.erf,
      floor: tf.floor,
      ceil: tf.ceil,
      round: tf.round,
      sign: tf.sign,
      step: (x) => tf.step(x, 0.2),
      leakyRelu: (x) => tf.leakyRelu(x, 0.1),
      clip: (x) => tf.clipByValue(x, -0.5, 0.7),
      isNaN: tf.isNaN,
      toInt: (x) => tf.cast(x, 'int32'),
      toBool: (x) => tf.cast(x, 'bool'),
    };
    for (const [name, f] of Object.entries(unary)) {
      test(name, () =>
        fc.assert(
          fc.asyncProperty(wideShape, fc.nat(), (shape, seed) => assertAsCpu(name, [filled(shape, seed)], f)),
          runs,
        ),
      );
    }

    test('elementary functions at the edges', async () => {
      const edges: Value = {
        shape: [13],
        dtype: 'float32',
        values: [0, -0, Infinity, -Infinity, NaN, 88.7, 89, -87.3, -88, -104, 1e-38, 1e-42, 3e38],
      };
      for (const name of ['exp', 'sigmoid', 'tanh', 'relu', 'abs', 'sign', 'floor', 'round', 'softplus', 'elu'])
        await assertAsCpu(name, [edges], unary[name], 1e-6);
      await assertAsCpu('log', [edges], tf.log, 1e-6);
      await assertAsCpu('isFinite', [edges], (x) => [tf.isFinite(x), tf.isInf(x), tf.isNaN(x)]);
      await assertAsCpu(
        'cast',
        [{ shape: [6], dtype: 'float32', values: [NaN, Infinity, 3e9, -3e9, 2.9, -2.9] }],
        (x) => tf.cast(x, 'int32'),
      );
    });

    test('exp is within 2 ulp and log within 3 ulp over their ranges', async () => {
      await tf.setBackend('native');
      const points = Float32Array.from({ length: 20001 }, (_, i) => -87 + (i * 175) / 20000);
      const exps = tf.tidy(() => tf.exp(tf.tensor1d(points)).dataSync());
      points.forEach((x, i) =>
        assert.ok(Math.abs(exps[i] - Math.exp(x)) <= 2 * 2 ** -23 * Math.exp(x), `exp(${x}) = ${exps[i]}`),
      );
      const positive = points.map((x) => Math.exp(x));
      const logs = tf.tidy(() => tf.log(tf.tensor1d(positive)).dataSync());
      positive.forEach((x, i) =>
        assert.ok(
          Math.abs(logs[i] - Math.log(x)) <= 3 * 2 ** -24 * Math.max(Math.abs(Math.log(x)), 2 ** -2),
          `log(${x}) = ${logs[i]}`,
        ),
      );
    });

    const binary: Record<string, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor> = {
      add: tf.add,
      sub: tf.sub,
      mul: tf.mul,
      div: tf.div,
      maximum: tf.maximum,
      minimum: tf.minimum,
      squaredDifference: tf.squaredDifference,
      pow: (a, b) => tf.pow(tf.abs(a), b),
      atan2: tf.atan2,
      floorDiv: tf.floorDiv,
      equal: tf.equal,
      notEqual: tf.notEqual,
      less: tf.less,
      lessEqual: tf.lessEqual,
      greater: tf.greater,
      greaterEqual: tf.greaterEqual,
    };
    const broadcastPair = fc
      .tuple(shapeOf(0, 4), fc.nat(15), fc.nat(15), fc.nat(4))
      .map(([shape, aOnes, bOnes, drop]) => {
        const a = shape.map((d, i) => ((aOnes >> i) & 1 ? 1 : d));
        const b = shape.map((d, i) => ((bOnes >> i) & 1 ? 1 : d));
        return [a, b.slice(Math.min(drop, b.length))] as const;
      });
    for (const [name, f] of Object.entries(binary)) {
      test(`${name} with broadcasting`, () =>
        fc.assert(
          fc.asyncProperty(broadcastPair, fc.nat(), fc.constantFrom('float32', 'int32'), ([a, b], seed, dtype) =>
            assertAsCpu(
              name,
              [filled([...a], seed, dtype as 'float32'), filled([...b], seed + 1, dtype as 'float32')],
              (x, y) =>
                dtype === 'int32' && name === 'floorDiv'
                  ? tf.floorDiv(x, tf.add(tf.abs(y), tf.scalar(1, 'int32')))
                  : f(x, y),
            ),
          ),
          runs,
        ));
    }
    test('large broadcasts', async () => {
      const big = filled([300, 129], 1);
      for (const small of [[129], [300, 1], [1, 129], [1]]) await assertAsCpu('add', [big, filled(small, 2)], tf.add);
      await assertAsCpu('addN', [big, filled([300, 129], 5), filled([300, 129], 6)], (...x) => tf.addN(x));
    });

    test('logical operations and select', () =>
      fc.assert(
        fc.asyncProperty(wideShape, fc.nat(), (shape, seed) =>
          assertAsCpu(
            'logical',
            [
              filled(shape, seed, 'bool'),
              filled(shape, seed + 1, 'bool'),
              filled(shape, seed + 2),
              filled(shape, seed + 3),
            ],
            (p, q, a, b) => [tf.logicalAnd(p, q), tf.logicalOr(p, q), tf.logicalNot(p), tf.where(p, a, b)],
          ),
        ),
        runs,
      ));

    const axesOf = (rank: number): fc.Arbitrary<number[]> =>
      fc.subarray(
        Array.from({ length: rank }, (_, i) => i),
        { minLength: rank === 0 ? 0 : 1 },
      );
    const reducible = wideShape.chain((shape) =>
      fc.tuple(fc.constant(shape), axesOf(shape.length), fc.boolean(), fc.nat()),
    );
    for (const [name, f] of Object.entries({
      sum: tf.sum,
      mean: tf.mean,
      max: tf.max,
      min: tf.min,
      prod: tf.prod,
    } as Record<string, typeof tf.sum>)) {
      test(`${name} over any axes`, () =>
        fc.assert(
          fc.asyncProperty(reducible, ([shape, axes, keepDims, seed]) =>
            assertAsCpu(
              name,
              [filled(shape, seed, 'float32', name === 'prod' ? 1.2 : 2)],
              (x) => f(x, axes, keepDims),
              1e-4,
            ),
          ),
          runs,
        ));
    }
    test('integer and boolean reductions', () =>
      fc.assert(
        fc.asyncProperty(reducible, ([shape, axes, keepDims, seed]) =>
          assertAsCpu('reductions', [filled(shape, seed, 'int32'), filled(shape, seed, 'bool')], (x, b) => [
            tf.sum(x, axes, keepDims),
            tf.max(x, axes, keepDims),
            tf.min(x, axes, keepDims),
            tf.any(b, axes, keepDims),
            tf.all(b, axes, keepDims),
          ]),
        ),
        runs,
      ));

    const withAxis = fc
      .oneof(shapeOf(1, 4), fc.constant<number[]>([200, 120]))
      .chain((shape) => fc.tuple(fc.constant(shape), fc.nat(shape.length - 1), fc.nat()));
    test('argMax, argMin, softmax, logSoftmax, cumsum along any axis', () =>
      fc.assert(
        fc.asyncProperty(withAxis, fc.boolean(), fc.boolean(), ([shape, axis, seed], exclusive, reverse) =>
          assertAsCpu(
            'axis',
            [filled(shape, seed)],
            (x) => [
              tf.argMax(x, axis),
              tf.argMin(x, axis),
              tf.softmax(x),
              tf.logSoftmax(x),
              tf.cumsum(x, axis, exclusive, reverse),
              tf.cumprod(x, axis, exclusive, reverse),
            ],
            1e-4,
          ),
        ),
        runs,
      ));
    test('topk', () =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 5 }),
          fc.integer({ min: 1, max: 60 }),
          fc.nat(),
          fc.nat(),
          fc.boolean(),
          (rows, width, kSeed, seed, ints) =>
            assertAsCpu('topk', [filled([rows, width], seed, ints ? 'int32' : 'float32')], (x) => {
              const { values, indices } = tf.topk(x, 1 + (kSeed % width));
              return ints ? [values] : [values, indices];
            }),
        ),
        runs,
      ));

    test('transpose', () =>
      fc.assert(
        fc.asyncProperty(
          fc
            .oneof(shapeOf(1, 5), fc.constant<number[]>([130, 140]), fc.constant<number[]>([20, 16, 4, 32]))
            .chain((shape) =>
              fc.tuple(
                fc.constant(shape),
                fc.shuffledSubarray(
                  shape.map((_, i) => i),
                  { minLength: shape.length },
                ),
                fc.nat(),
              ),
            ),
          fc.constantFrom('float32', 'bool'),
          ([shape, perm, seed], dtype) =>
            assertAsCpu('transpose', [filled(shape, seed, dtype as 'bool')], (x) => tf.transpose(x, perm)),
        ),
        { numRuns: 60 },
      ));
    test('slice, pad, tile, reverse, concat, stack, unstack, split', () =>
      fc.assert(
        fc.asyncProperty(
          shapeOf(1, 4),
          fc.nat(),
          fc.array(fc.nat(3), { minLength: 12, maxLength: 12 }),
          (shape, seed, r) => {
            const axis = r[0] % shape.length;
            const begin = shape.map((d, i) => r[i + 1] % d);
            const size = shape.map((d, i) => d - begin[i] - (r[i + 5] % (d - begin[i])));
            return assertAsCpu('movement', [filled(shape, seed), filled(shape, seed + 1, 'int32')], (x, y) => [
              tf.slice(x, begin, size),
              tf.slice(y, begin, size),
              tf.pad(
                x,
                shape.map((_, i) => [r[i], r[i + 4]] as [number, number]),
                0.5,
              ),
              tf.tile(
                x,
                shape.map((_, i) => 1 + r[i]),
              ),
              tf.reverse(x, [axis]),
              tf.reverse(x),
              tf.concat(
                [
                  x,
                  tf.slice(
                    x,
                    begin.map((b, i) => (i === axis ? b : 0)),
                    shape.map((d, i) => (i === axis ? size[i] : d)),
                  ),
                  x,
                ],
                axis,
              ),
              tf.stack([x, x], axis),
              ...tf.unstack(x, axis),
              ...tf.split(x, shape[axis], axis),
              tf.broadcastTo(tf.expandDims(x, 0), [3, ...shape]),
            ]);
          },
        ),
        runs,
      ));

    test('gather, gatherND, scatterND, segment sums, oneHot', () =>
      fc.assert(
        fc.asyncProperty(shapeOf(2, 3), fc.integer({ min: 1, max: 9 }), fc.nat(), (shape, count, seed) => {
          const ids: Value = {
            shape: [count],
            dtype: 'int32',
            values: Array.from({ length: count }, (_, i) => (seed + 3 * i) % shape[0]),
          };
          const columns: Value = {
            shape: [count],
            dtype: 'int32',
            values: Array.from({ length: count }, (_, i) => (seed + 5 * i) % shape[1]),
          };
          return assertAsCpu(
            'indexing',
            [filled(shape, seed), ids, columns, filled([count, ...shape.slice(1)], seed + 1)],
            (x, i, j, updates) => [
              tf.gather(x, i as tf.Tensor1D),
              tf.gather(x, j as tf.Tensor1D, 1),
              tf.gatherND(x, tf.stack([i, j], 1)),
              tf.scatterND(tf.expandDims(i, 1) as tf.Tensor2D, updates, shape),
              tf.unsortedSegmentSum(updates, i as tf.Tensor1D, shape[0]),
              tf.oneHot(i, shape[0] + 1),
              tf.oneHot(i, 2, 5, -1),
            ],
          );
        }),
        runs,
      ));

    test('matMul in every layout', () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 1, max: 33 }), { minLength: 3, maxLength: 3 }),
          fc.integer({ min: 1, max: 3 }),
          fc.boolean(),
          fc.boolean(),
          fc.boolean(),
          fc.nat(),
          ([m, k, n], batch, tA, tB, oneB, seed) =>
            assertAsCpu(
              'matMul',
              [
                filled(tA ? [batch, k, m] : [batch, m, k], seed),
                filled([oneB ? 1 : batch, ...(tB ? [n, k] : [k, n])], seed + 1),
              ],
              (a, b) => tf.matMul(a, b, tA, tB),
              1e-4,
            ),
        ),
        { numRuns: 60 },
      ));
    test('fused matMul: bias and activations', () =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 20 }),
          fc.integer({ min: 1, max: 20 }),
          fc.constantFrom('linear', 'relu', 'elu', 'sigmoid'),
          fc.nat(),
          (m, n, activation, seed) =>
            assertAsCpu(
              'fused',
              [filled([m, 5], seed), filled([5, n], seed + 1), filled([n], seed + 2)],
              (a, b, bias) =>
                tf.fused.matMul({ a: a as tf.Tensor2D, b: b as tf.Tensor2D, bias, activation: activation as 'relu' }),
              1e-4,
            ),
        ),
        runs,
      ));

    test('tensors without elements', () =>
      fc.assert(
        fc.asyncProperty(shapeOf(1, 3), fc.nat(), (shape, at) => {
          const empty = shape.map((d, i) => (i === at % shape.length ? 0 : d));
          return assertAsCpu(
            'empty',
            [filled(empty, 1), filled(empty, 1, 'int32'), filled(empty, 1, 'bool')],
            (x, i, b) => [
              tf.add(x, x),
              tf.exp(x),
              tf.sum(x),
              tf.sum(x, at % shape.length),
              tf.max(
                tf.concat(
                  [x, tf.ones(x.shape.map((d) => Math.max(d, 1)).map((d, k) => (k === at % shape.length ? 1 : d)))],
                  at % shape.length,
                ),
              ),
              tf.transpose(x),
              tf.concat([x, x], 0),
              tf.cast(x, 'int32'),
              tf.sum(i),
              tf.logicalNot(b),
              tf.where(b, x, x),
              tf.tile(
                x,
                shape.map(() => 2),
              ),
              tf.reverse(x),
              tf.less(x, x),
              tf.matMul(tf.reshape(x, [0, 5]), tf.ones([5, 3])),
              tf.matMul(tf.ones([2, 0]), tf.reshape(x, [0, 4])),
              tf.gather(tf.ones([3, 2]), tf.reshape(i, [-1]) as tf.Tensor1D),
              tf.oneHot(tf.reshape(i, [0]), 3),
              tf.softmax(tf.reshape(x, [0, 3])),
              tf.unsortedSegmentSum(tf.reshape(x, [0, 2]), tf.reshape(i, [0]) as tf.Tensor1D, 3),
            ],
          );
        }),
        runs,
      ));

    test('fill, range, zerosLike', () =>
      assertAsCpu('generate', [filled([3, 4], 1), filled([2], 1, 'bool')], (x, b) => [
        tf.fill([2, 3], 1.5),
        tf.fill([2], 3, 'int32'),
        tf.range(0, 10, 3),
        tf.range(5, 0),
        tf.range(0, 4, 1, 'int32'),
        tf.zerosLike(x),
        tf.onesLike(x),
        tf.zerosLike(b),
        tf.zeros([0, 3]),
        tf.eye(3),
      ]));

    const small = fc.integer({ min: 1, max: 3 });
    test('convolutions and their gradients', () =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 3, max: 8 }),
          fc.integer({ min: 3, max: 8 }),
          small,
          small,
          small,
          small,
          fc.constantFrom('same', 'valid'),
          fc.nat(),
          (height, width, inChannels, outChannels, filter, stride, pad, seed) =>
            assertAsCpu(
              'conv2d',
              [
                filled([2, height, width, inChannels], seed),
                filled([filter, filter, inChannels, outChannels], seed + 1),
              ],
              (x, w) => {
                const convolve = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
                  tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, pad as 'same');
                return [
                  convolve(x, w),
                  ...tf.grads((a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.square(convolve(a, b))) as tf.Scalar)([x, w]),
                ];
              },
              1e-4,
            ),
        ),
        runs,
      ));
    test('depthwise convolutions and their gradients', () =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 3, max: 8 }),
          fc.integer({ min: 3, max: 8 }),
          fc.constantFrom(1, 2, 16, 17),
          fc.integer({ min: 1, max: 2 }),
          small,
          fc.integer({ min: 1, max: 2 }),
          fc.constantFrom('same', 'valid'),
          fc.nat(),
          (height, width, channels, multiplier, filter, stride, pad, seed) =>
            assertAsCpu(
              'depthwiseConv2d',
              [filled([2, height, width, channels], seed), filled([filter, filter, channels, multiplier], seed + 1)],
              (x, w) => {
                const convolve = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
                  tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, pad as 'same');
                return [
                  convolve(x, w),
                  tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same', 'NHWC', 2),
                  ...tf.grads((a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.square(convolve(a, b))) as tf.Scalar)([x, w]),
                ];
              },
              1e-4,
            ),
        ),
        runs,
      ));
    test('gradients of pooling, and their kernels', () =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 3, max: 8 }),
          fc.constantFrom(1, 3, 16, 17),
          small,
          small,
          fc.constantFrom('same', 'valid'),
          fc.nat(),
          (size, channels, filter, stride, pad, seed) => {
            // distinct values: tfjs does not define which of equal values wins
            const image: Value = {
              shape: [2, size, size + 1, channels],
              dtype: 'float32',
              values: Array.from(
                { length: 2 * size * (size + 1) * channels },
                (_, i) => ((i * 7919 + seed) % 10007) / 1000,
              ),
            };
            return assertAsCpu(
              'pooling gradients',
              [image],
              (x) => {
                const attrs = { filterSize: filter, strides: stride, pad };
                const run = (name: string, inputs: tf.NamedTensorMap): tf.Tensor | tf.Tensor[] =>
                  tf.engine().runKernel(name, inputs, attrs as unknown as tf.NamedAttrMap) as tf.Tensor;
                const [max, average] = [
                  tf.maxPool(x as tf.Tensor4D, filter, stride, pad as 'same'),
                  tf.avgPool(x as tf.Tensor4D, filter, stride, pad as 'same'),
                ];
                const grad = (pool: typeof tf.maxPool): tf.Tensor =>
                  tf.grad((a: tf.Tensor) => tf.sum(tf.square(pool(a as tf.Tensor4D, filter, stride, pad as 'same'))))(
                    x,
                  );
                return [
                  run('MaxPoolGrad', { dy: tf.square(max), input: x, output: max }) as tf.Tensor,
                  run('AvgPoolGrad', { dy: average, input: x }) as tf.Tensor,
                  grad(tf.maxPool),
                  grad(tf.avgPool),
                  ...(run('MaxPoolWithArgmax', { x }) as tf.Tensor[]),
                ];
              },
              1e-4,
            );
          },
        ),
        runs,
      ));
    test('pooling and batch normalisation', () =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 3, max: 8 }),
          small,
          small,
          small,
          fc.constantFrom('same', 'valid'),
          fc.nat(),
          (size, channels, filter, stride, pad, seed) =>
            assertAsCpu(
              'pool',
              [filled([2, size, size + 1, channels], seed), filled([channels], seed + 1), filled([channels], seed + 2)],
              (x, a, b) => [
                tf.maxPool(x as tf.Tensor4D, filter, stride, pad as 'same'),
                tf.avgPool(x as tf.Tensor4D, filter, stride, pad as 'same'),
                tf.batchNorm(
                  x as tf.Tensor4D,
                  a as tf.Tensor1D,
                  tf.abs(b) as tf.Tensor1D,
                  a as tf.Tensor1D,
                  b as tf.Tensor1D,
                  0.1,
                ),
                tf.batchNorm(x as tf.Tensor4D, a as tf.Tensor1D, tf.abs(b) as tf.Tensor1D),
              ],
              1e-4,
            ),
        ),
        runs,
      ));

    test('fused convolutions', () =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 2, max: 7 }),
          small,
          fc.constantFrom('linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu'),
          fc.boolean(),
          fc.nat(),
          (size, channels, activation, hasBias, seed) =>
            assertAsCpu(
              'fused',
              [
                filled([2, size, size, channels], seed),
                filled([2, 2, channels, 3], seed + 1),
                filled([3], seed + 2),
                filled([3 * channels], seed + 3),
              ],
              (x, filter, bias, wideBias) => [
                tf.fused.conv2d({
                  x: x as tf.Tensor4D,
                  filter: filter as tf.Tensor4D,
                  strides: 1,
                  pad: 'same',
                  bias: hasBias ? bias : undefined,
                  activation: activation as 'relu',
                }),
                tf.fused.depthwiseConv2d({
                  x: x as tf.Tensor4D,
                  filter: filter as tf.Tensor4D,
                  strides: 1,
                  pad: 'valid',
                  bias: hasBias ? wideBias : undefined,
                  activation: activation as 'relu',
                }),
              ],
              1e-4,
            ),
        ),
        runs,
      ));
    // ends after their beginnings: tfjs's cpu kernel throws for some others
    const stridedAxis = fc
      .record({ from: fc.nat(8), span: fc.nat(8), fromEnd: fc.boolean(), stride: fc.constantFrom(1, 1, 2, 3, -1, -2) })
      .map(({ from, span, fromEnd, stride }) => {
        const [low, high] = fromEnd ? [-1 - from - span, -1 - from] : [from, from + span];
        return stride > 0 ? { begin: low, end: high, stride } : { begin: high, end: low, stride };
      });
    test('strided slices', () =>
      fc.assert(
        fc.asyncProperty(
          shapeOf(1, 3),
          fc.array(stridedAxis, { minLength: 3, maxLength: 3 }),
          fc.nat(7),
          fc.nat(7),
          fc.nat(7),
          fc.constantFrom(0, 1, 2),
          fc.nat(),
          (shape, axes, beginMask, endMask, newAxisMask, ellipsisMask, seed) => {
            const used = axes.slice(0, shape.length);
            return assertAsCpu('stridedSlice', [filled(shape, seed), filled(shape, seed, 'int32')], (x, i) =>
              [x, i].map((from) =>
                tf.stridedSlice(
                  from,
                  used.map(({ begin }) => begin),
                  used.map(({ end }) => end),
                  used.map(({ stride }) => stride),
                  beginMask,
                  endMask,
                  shape.length > 1 ? ellipsisMask : 0,
                  ellipsisMask === 0 ? newAxisMask : 0,
                ),
              ),
            );
          },
        ),
        { numRuns: 100 },
      ));
    test('mirrored padding', () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ size: fc.integer({ min: 1, max: 6 }), before: fc.nat(6), after: fc.nat(6) }), {
            minLength: 1,
            maxLength: 4,
          }),
          fc.boolean(),
          fc.nat(),
          (axes, reflect, seed) => {
            const most = (size: number): number => (reflect ? size - 1 : size);
            const paddings = axes.map(({ size, before, after }): [number, number] => [
              before % (most(size) + 1),
              after % (most(size) + 1),
            ]);
            return assertAsCpu(
              'mirrorPad',
              [
                filled(
                  axes.map(({ size }) => size),
                  seed,
                ),
              ],
              (x) => tf.mirrorPad(x, paddings, reflect ? 'reflect' : 'symmetric'),
            );
          },
        ),
        runs,
      ));
    test('space, batch and depth', () =>
      fc.assert(
        fc.asyncProperty(
          small,
          small,
          small,
          small,
          small,
          fc.nat(),
          (blockHeight, blockWidth, height, width, channels, seed) => {
            const crops = [
              [0, blockHeight - 1],
              [blockWidth - 1, 0],
            ];
            return assertAsCpu(
              'blocks',
              [
                filled([2 * blockHeight * blockWidth, height, width, channels], seed),
                filled([2, height, width, channels * blockHeight ** 2], seed + 1),
              ],
              (x, deep) => {
                const spread = tf.batchToSpaceND(x, [blockHeight, blockWidth], crops);
                return [
                  spread,
                  tf.spaceToBatchND(spread, [blockHeight, blockWidth], crops),
                  tf.batchToSpaceND(x, [blockHeight], [[0, 0]]),
                  ...(blockHeight > 1 ? [tf.depthToSpace(deep as tf.Tensor4D, blockHeight)] : []),
                ];
              },
            );
          },
        ),
        runs,
      ));
    test('the kernels that run through the cpu backend are those that docs/reference/backends.md lists', () => {
      const page = readFileSync(
        fileURLToPath(new URL('../../../../docs/reference/backends.md', import.meta.url)),
        'utf8',
      );
      const list = /<!-- kernels of the cpu backend -->\n([^<]*)<!-- end -->/.exec(page)?.[1] ?? '';
      assert.deepEqual(list.match(/\w+/g), kernelsOfCpuTwin());
    });

    test('kernels without compiled code run through the cpu backend', () =>
      assertAsCpu(
        'twins',
        [filled([1, 6, 6, 2], 3)],
        (x) => [
          tf.image.resizeBilinear(x as tf.Tensor4D, [3, 3]),
          tf.einsum('abcd,abcd->ad', x, x),
          tf.image.flipLeftRight(x as tf.Tensor4D),
          tf.real(tf.spectral.fft(tf.complex(tf.reshape(x, [72]), tf.zeros([72])))),
        ],
        1e-4,
      ));
  },
);
